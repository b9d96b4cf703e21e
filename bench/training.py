"""What a training costs: memory of the feature pass and of what follows, and minutes, on two cores.

python -m bench.training                 everything anew, the shipped towers: half an hour
--text-tower tf-idf                      another text tower
--cache DIR                              where computed features lie: then minutes, and no feature pass
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.bounds import Bounds
from bench.data import shared
from encoders.towers.registry import TEXT_TOWERS

GIGABYTES = 2.0
MINUTES = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--text-tower", choices=TEXT_TOWERS, default=TEXT_TOWERS[0])
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    folder = shared("flickr8k")
    with tempfile.TemporaryDirectory() as temporary:
        cache = arguments.cache or Path(temporary) / "cache"
        command = [sys.executable, "-m", "backend.cli", "train", "--text-tower", arguments.text_tower]
        command += ["--images", str(folder / "images"), "--captions", str(folder / "captions.json")]
        command += ["--out", str(Path(temporary) / "encoder"), "--cache", str(cache)]
        environment = {**os.environ, "OMP_NUM_THREADS": "2"}
        said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    print(said, end="")
    trained = re.search(r"Trained in (\d+) s", said)
    assert trained
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    bounds = Bounds()
    bounds.at_most(f"{arguments.text_tower}: gigabytes at the peak", peak, GIGABYTES)
    bounds.at_most(f"{arguments.text_tower}: minutes of training", int(trained[1]) / 60, MINUTES)
    bounds.exit()


if __name__ == "__main__":
    main()
