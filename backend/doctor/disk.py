"""Room on the disks that this process writes to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backend.doctor.findings import Finding, ok, problem, warning
from backend.doctor.storage import local_folder
from backend.settings import MEBIBYTE, Settings

GIBIBYTE = 1024 * MEBIBYTE
LEAST_BYTES = 512 * MEBIBYTE
"""Edge refuses writes below 256 MiB; more goes on during the time it takes to react."""
LOW_SHARE = 0.1


def check(settings: Settings) -> Iterator[Finding]:
    for name, folder in _folders(settings):
        yield _room(name, folder)


def _folders(settings: Settings) -> Iterator[tuple[str, Path]]:
    if settings.storage_url and (folder := local_folder(settings.storage_url)):
        yield "storage", folder
    if not settings.distributed:
        yield "data", settings.data
    # Uploads that are larger than memory is good for pass through here.
    yield "temporary files", Path(tempfile.gettempdir())


def _room(name: str, folder: Path) -> Finding:
    folder = folder.absolute()
    existing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    usage = shutil.disk_usage(existing)
    what = f"{name} ({folder}): {usage.free / GIBIBYTE:.1f} of {usage.total / GIBIBYTE:.1f} GiB are free."
    temporary = name == "temporary files"
    if usage.free < (64 * MEBIBYTE if temporary else LEAST_BYTES):
        return problem("disk", what, "Make room: uploads are refused (507) when it is full.")
    if usage.free < LOW_SHARE * usage.total and usage.free < 20 * GIBIBYTE:
        return warning("disk", what, "Make room, or move it to a larger disk, before uploads are refused.")
    return ok("disk", what)
