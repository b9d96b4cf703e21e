"""How long until a server is ready, how much memory it takes, and how fast the command line answers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.bounds import Bounds
from bench.data import fill, val_captions
from bench.load import run
from encoders.loading import load_encoder
from tests.support.pictures import jpeg
from tests.support.server import Server

READY_SECONDS = 10
MEMORY_GIGABYTES = 1.2
HELP_SECONDS = 1
GIGABYTE = 1e9


def main() -> None:
    bounds = Bounds()
    space = load_encoder("twinspace-mini").space
    with tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder:
        large, small = Path(folder, "large"), Path(folder, "small")
        fill(large, space, 100_000)
        fill(small, space, 10_000)
        Server(large, "twinspace-mini").start().stop()  # Warms the disk's cache.
        bounds.at_most("seconds until ready with 100,000 points", ready_seconds(large), READY_SECONDS)
        bounds.at_most("gigabytes with 10,000 points, in use", gigabytes(small), MEMORY_GIGABYTES)
    bounds.at_most("seconds for twinspace --help", help_seconds(), HELP_SECONDS)
    bounds.exit()


def ready_seconds(data: Path) -> float:
    started = time.perf_counter()
    with Server(data, "twinspace-mini") as server:
        spent = time.perf_counter() - started
        server.stop()
    return spent


def gigabytes(data: Path) -> float:
    """The most that the process ever had in memory, with searches and uploads from several clients."""
    with Server(data, "twinspace-mini") as server, server.client() as client:
        run(server.url, val_captions()[:200], 8, 200)
        answer = client.upload([(f"{n}.jpg", jpeg((n, 0, 0), (1600, 1200), n)) for n in range(32)])
        client.wait([item.id for item in answer.items], seconds=120)
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        server.stop()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024 / GIGABYTE


def help_seconds() -> float:
    command = [sys.executable, "-m", "backend.cli", "--help"]
    subprocess.run(command, check=True, capture_output=True)
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
