"""Pictures per second through the API (upload to indexed), against decoding and encoding them alone."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from bench.bounds import Bounds
from bench.data import shared
from tests.support.server import Server

THREADS = 2
BATCHES = (1, 2, 4, 8, 16, 32)
ROUNDS = 3
BOUND = 0.8
LIMIT_PIXELS = 100_000_000


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = str(THREADS)  # Before torch starts its threads, here and in the server.
    files = sorted(shared("photos").glob("*.jpg"))
    data = [file.read_bytes() for file in files]
    ratios = []
    for round in range(ROUNDS):
        alone, batch = best_alone(data)
        through = through_api(files)
        ratios.append(through / alone)
        print(
            f"round {round + 1}: alone {alone:.1f} pictures per second (batch {batch}), "
            f"through the API {through:.1f}"
        )
    bounds = Bounds()
    bounds.at_least("through the API / alone, median of the rounds", statistics.median(ratios), BOUND)
    bounds.exit()


def best_alone(data: list[bytes]) -> tuple[float, int]:
    """Pictures per second at the best batch size, and that size."""
    import torch

    from encoders.images import read_image
    from encoders.loading import load_encoder

    torch.set_num_threads(THREADS)
    encoder = load_encoder("twinspace-mini")
    encoder.encode_images([read_image(data[0], LIMIT_PIXELS)] * 8)
    speeds = {}
    for batch in BATCHES:
        started = time.perf_counter()
        for start in range(0, len(data), batch):
            encoder.encode_images([read_image(one, LIMIT_PIXELS) for one in data[start : start + batch]])
        speeds[batch] = len(data) / (time.perf_counter() - started)
    best = max(speeds, key=lambda batch: speeds[batch])
    return speeds[best], best


def through_api(files: list[Path]) -> float:
    with (
        tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder,
        Server(Path(folder, "data"), "twinspace-mini", torch_threads=THREADS) as server,
        server.client() as client,
    ):
        started = time.perf_counter()
        ids = []
        for start in range(0, len(files), 16):
            answer = client.upload(files[start : start + 16])
            ids += [item.id for item in answer.items]
        items = client.wait(ids, seconds=300)
        spent = time.perf_counter() - started
        server.stop()
    if len(items) != len(files) or any(item.status != "indexed" for item in items):
        raise SystemExit("Not every picture was indexed.")
    return len(files) / spent


if __name__ == "__main__":
    main()
