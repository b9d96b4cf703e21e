"""Folders in memory, so that no test waits for a disk, and read-only ones.

`kill -9` loses nothing there that it would not lose on a disk: both keep what was written in the page cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 2 * 1024**3
"""Bytes: several times what all tests have there at once."""


def use_memory() -> None:
    """For all temporary folders of this process and of those it starts, where there is room and nobody
    chose another place. Each write is made durable by Edge, SQLite and PostgreSQL: on a busy disk that is
    most of the time of the tests."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """As a disk becomes after an error. Where nothing can be mounted, files stand where its folders
    were, which whoever is root cannot write to either."""
    with tempfile.TemporaryDirectory(prefix="read-only-") as name:
        # Made so elsewhere: where somebody is writing, nothing becomes read-only.
        if _mount("--bind", folder, name):
            try:
                if not (_mount("-o", "remount,ro,bind", name) and _mount("--bind", name, folder)):
                    raise RuntimeError(f"{folder} does not become read-only")
                try:
                    yield
                finally:
                    _unmount(folder)
            finally:
                _unmount(name)
            return
    folders = [path for path in folder.iterdir() if path.is_dir()]
    for path in folders:
        path.rename(folder / f".{path.name}")
        path.write_text("no folder")
    try:
        yield
    finally:
        for path in folders:
            path.unlink()
            (folder / f".{path.name}").rename(path)


def _unmount(folder: object) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: object) -> bool:
    command = ["mount", *map(str, arguments)]
    return subprocess.run(command, capture_output=True).returncode == 0
