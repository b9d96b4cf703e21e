"""Room on the disk of the embedded store, which is never used up: Edge maps its files into memory and grows
them by holes, and a page that the disk cannot hold kills the process with SIGBUS, without an error.
"""

from __future__ import annotations

import os
import shutil
from math import ceil
from pathlib import Path

from backend.errors import StorageFull, Unavailable
from backend.settings import MEBIBYTE

RESERVE = 256 * MEBIBYTE
SHARE = 8
"""Of a small disk, this part of it is the reserve."""
NEW_SHARD = 64 * MEBIBYTE
"""A shard takes 53 MiB before anything is in it."""
MOUNTS = Path("/proc/self/mountinfo")
BLOCK = 512
"""Bytes of `st_blocks`."""
READ_WHOLE = ("payload_index", "vector_storage-*/vectors", "vector_storage-*/deleted")

# Which part of the reserve must be free. What was accepted finds room after uploads are refused, and
# deletions still go through when there is room for no point.
FOR_UPLOADS, FOR_POINTS, FOR_DELETIONS = 1.0, 0.5, 0.125


def require_room(folder: Path, share: float, more: int = 0) -> None:
    """`more`: bytes that are certainly needed. Raises `StorageFull`, or `Unavailable` without the folder."""
    try:
        disk = shutil.disk_usage(folder)
    except OSError as error:
        raise Unavailable(f"The folder of vectors {folder} is gone.") from error
    needed = share * min(RESERVE, disk.total // SHARE) + more
    if disk.free < needed:
        raise StorageFull(
            f"The disk of {folder} has only {disk.free // MEBIBYTE} MiB left; "
            f"{ceil(needed / MEBIBYTE)} MiB must be free."
        )


def require_room_to_load(shard: Path) -> None:
    """In a file system in memory a hole takes room as soon as it is read, and loading a shard reads its
    vectors and its indexes. Raises like `require_room`."""
    if _in_memory(shard):
        require_room(shard, FOR_DELETIONS, _holes(shard))


def _in_memory(folder: Path) -> bool:
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = MOUNTS.read_text().splitlines()
    except OSError:  # Not Linux.
        return False
    # `36 35 98:0 /root /mount rw,noatime master:1 - tmpfs source options`
    return any(line.split()[2] == wanted and " - tmpfs " in line for line in mounts)


def _holes(shard: Path) -> int:
    """Bytes of those files that are mapped as a whole; others are touched where something is in them."""
    files = [file for part in READ_WHOLE for file in shard.glob(f"segments/*/{part}/**/*")]
    stats = [file.stat() for file in files if file.is_file()]
    return sum(max(0, stat.st_size - stat.st_blocks * BLOCK) for stat in stats)
