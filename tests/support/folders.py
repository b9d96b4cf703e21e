"""A folder in memory where the machine has room for one: tests that write much wait for no disk.

`kill -9` loses nothing there that it would not lose on a disk: both keep what was written in the page cache.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 4 * 1024**3


@contextmanager
def quick_folder() -> Iterator[Path]:
    there = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    with tempfile.TemporaryDirectory(prefix="twinspace-", dir=MEMORY if there else None) as name:
        yield Path(name)
