"""The distributed profile: what a second worker brings, and whether Redis stays as small as it was.

Two workers with one torch thread each against one of them, both on the same two cores, from a queue that
was filled before; and Redis's memory over 10,000 uploads that no worker takes. Redis and PostgreSQL are
real; Qdrant's part is played by a stand-in in this process, which keeps off these cores where there are more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from bench.bounds import Bounds
from bench.data import shared
from tests.support.installation import Installation, installation
from tests.support.pictures import jpeg

ROUNDS = 3
PICTURES = 640
REQUEST = 16
UPLOADS = 10_000
REAL = {"TEST_ENCODER": "", "TWINSPACE_ENCODER": "twinspace-mini", "TWINSPACE_TORCH_THREADS": "1"}
SPEEDUP = 1.4
KILOBYTE = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", default="0,1", help="of the workers, comma-separated")
    cores = {int(core) for core in parser.parse_args().cores.split(",")}
    others = os.sched_getaffinity(0) - cores
    if others:
        os.sched_setaffinity(0, others)  # And of all that this process starts.
    bounds = Bounds()
    files = sorted(shared("photos").glob("*.jpg"))
    ratios = []
    for number in range(ROUNDS):
        one, two = (pictures_per_second(files, workers, cores) for workers in (1, 2))
        ratios.append(two / one)
        print(f"round {number + 1}: one worker {one:.1f} pictures per second, two {two:.1f}")
    bounds.at_least("two workers / one, median of the rounds", statistics.median(ratios), SPEEDUP)
    bounds.at_most(f"growth of Redis over {UPLOADS:,} uploads (kB)", growth_of_redis(), 100)
    bounds.exit()


def pictures_per_second(files: list[Path], workers: int, cores: set[int]) -> float:
    with (
        tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder,
        installation(Path(folder), **REAL) as made,
    ):
        made.start(workers=0)
        upload(made, files)
        for _ in range(workers):
            worker = made.worker()
            worker.start()
            os.sched_setaffinity(worker.pid, cores)
        made.wait_for(lambda: made.pending() == 0, seconds=600)
        return rate(made)


def upload(made: Installation, files: list[Path]) -> None:
    """Every file several times, each time with other bytes behind its picture."""
    with made.client(patience=60) as client:
        for start in range(0, PICTURES, REQUEST):
            some = [files[number % len(files)] for number in range(start, start + REQUEST)]
            client.upload([(file.name, file.read_bytes() + os.urandom(8)) for file in some])


def rate(made: Installation) -> float:
    """Pictures per second of the time in which all workers were at work: after the first batch of the one
    that began last, up to the last batch of the one that ended first."""
    batches = [
        [
            (datetime.fromisoformat(line["time"]), int(line["message"].split()[1]))
            for line in worker.lines
            if line["message"].startswith("Finished ")
        ]
        for worker in made.workers
    ]
    begin = max(first for (first, _), *_ in batches)
    end = min(last for *_, (last, _) in batches)
    done = sum(number for some in batches for time, number in some if begin < time <= end)
    return done / (end - begin).total_seconds()


def growth_of_redis() -> float:
    """kB between the first thousand uploads and the last, while no worker takes a message."""
    with (
        tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder,
        installation(Path(folder), TWINSPACE_RECONCILE_SECONDS="0.05") as made,
        made.broker() as redis,
    ):
        made.start(workers=0)
        used = []
        for start in (0, UPLOADS // 10):
            end = UPLOADS // 10 if start == 0 else UPLOADS
            with made.client(patience=60) as client, ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda n: client.upload([(f"{n}.jpg", picture(n))]), range(start, end)))
            used.append(redis.info("memory")["used_memory"])
            print(f"after {end:,} uploads: Redis uses {used[-1] / KILOBYTE:.0f} kB, {made.pending():,} wait")
        return (used[1] - used[0]) / KILOBYTE


def picture(number: int) -> bytes:
    return jpeg((number % 256, number // 256, 90), seed=number)


if __name__ == "__main__":
    main()
