"""Room on the disk of the embedded store, which is never used up: Edge maps its files into memory and grows
them by holes, and a page that the disk cannot hold kills the process with SIGBUS, without an error.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from backend.errors import StorageFull, Unavailable
from backend.settings import MEBIBYTE

RESERVE = 256 * MEBIBYTE
SHARE = 8
"""Of a small disk, this part of it is the reserve."""
NEW_SHARD = 64 * MEBIBYTE
"""A shard takes 53 MiB before anything is in it."""

# Which part of the reserve must be free. What was accepted finds room after uploads are refused, and
# deletions still go through when there is room for no point.
FOR_UPLOADS, FOR_POINTS, FOR_DELETIONS = 1.0, 0.5, 0.125


def require_room(folder: Path, share: float, more: int = 0) -> None:
    """`more`: bytes that are certainly needed. Raises `StorageFull`, or `Unavailable` without the folder."""
    try:
        disk = shutil.disk_usage(folder)
    except OSError as error:
        raise Unavailable(f"The folder of vectors {folder} is gone.") from error
    if disk.free < share * min(RESERVE, disk.total // SHARE) + more:
        raise StorageFull(f"The disk of {folder} has only {disk.free // MEBIBYTE} MiB left.")
