"""What each part of the training recipe is worth: one training without it, against one with everything.

python -m bench.recipe [--cache DIR]    three minutes a row on two cores, once features are cached
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from backend.cli.train import user_cache
from bench.data import captioned_pictures
from bench.quality import top5_of_names
from bench.towers import recalls
from encoders.loading import load_encoder
from encoders.training.options import Options
from encoders.training.progress import Silence
from encoders.training.recipe import FROM_SCRATCH, Recipe
from encoders.training.train import train

FULL = FROM_SCRATCH
SCHEDULE = FULL.schedule
ROWS: dict[str, Recipe] = {
    "everything": FULL,
    "no random crops": replace(FULL, views=2),
    "no crops, no mirror images": replace(FULL, views=1),
    "captions always whole": replace(FULL, varied_captions=0.0),
    "hard targets": replace(FULL, softness=0.0),
    "all negatives alike": replace(FULL, hardness=0.0),
    "no class names": replace(FULL, class_names=0.0),
    "no averaging of weights": replace(FULL, schedule=replace(SCHEDULE, averaging=0.0)),
    "no noise": replace(FULL, image_noise=0.0, text_noise=0.0),
    "little dropout": replace(FULL, image_dropout=0.2, text_dropout=0.1),
    "twice as wide a space": replace(FULL, dim=1024),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cache", type=Path, default=user_cache())
    cache = parser.parse_args().cache
    torch.set_num_threads(2)
    examples = captioned_pictures()
    print("| recipe | en t2i R@1/5/10 | en i2t R@1/5/10 | zh t2i R@10 | ImageNet names top-5 |")
    print("|---|---|---|---|---|")
    for name, recipe in ROWS.items():
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "encoder"
            metrics = train(examples, Options(out, cache, recipe=recipe), Silence()).metrics
            named = top5_of_names(load_encoder(str(out)))
        english = [recalls(metrics[f"en {way}"]) for way in ("text to image", "image to text")]
        chinese = f"{metrics['zh text to image']['recall@10']:.3f}"
        print(f"| {name} | {' | '.join(english)} | {chinese} | {named:.3f} |", flush=True)


if __name__ == "__main__":
    main()
