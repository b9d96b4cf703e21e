"""Originals and thumbnails: can they be written, read back and removed?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from backend.doctor.database import installation_of
from backend.doctor.findings import Finding, ok, problem, warning
from backend.errors import StorageFull, TwinspaceError
from backend.originals import Originals
from backend.settings import Settings


def check(settings: Settings) -> Iterator[Finding]:
    where = settings.storage_url or str(settings.data.absolute())
    if (folder := local_folder(where)) and not folder.exists():
        yield _missing(folder, where, expected=settings.storage_url is None)
        return
    try:
        originals = Originals(where)
        originals.check()
        keepers = originals.keepers()
    except StorageFull as error:
        yield problem("storage", f"{where}: {error.detail}", "Make room, or move it to a larger disk.")
    except TwinspaceError as error:
        yield problem("storage", f"{where}: {error.detail}", _remedy(where))
    except (ImportError, ValueError) as error:
        yield problem(
            "storage",
            f"{where}: {error}",
            "Correct TWINSPACE_STORAGE_URL; for s3:// install the extra: `pip install 'twinspace[s3]'`.",
        )
    else:
        yield ok("storage", f"{where} can be written and read.")
        yield from _keepers(settings, keepers)


def _keepers(settings: Settings, keepers: set[str]) -> Iterator[Finding]:
    """What nobody refers to is cleared away only where nobody else can refer to it."""
    try:
        installation = installation_of(settings)
    except SQLAlchemyError:
        return  # The look at the database says why.
    others = ", ".join(sorted(keepers - {installation})) if installation else ""
    if others:
        yield warning(
            "storage",
            f"Other catalogues keep originals here, too ({others}): what no item refers to stays.",
            "Was the catalogue lost? Restore its backup. Does another installation use this storage? Give it "
            "one of its own. Is the other catalogue gone for good? Remove its file in `installations/`.",
        )


def _missing(folder: Path, where: str, expected: bool) -> Finding:
    """`expected`: the embedded profile makes its own folder."""
    parent = next(parent for parent in folder.absolute().parents if parent.exists())
    if not os.access(parent, os.W_OK | os.X_OK):
        return problem(
            "storage", f"{where} is not there, and this user can make nothing in {parent}.", _remedy(where)
        )
    if expected:
        return ok("storage", f"{where} is not there yet; the first start makes it.")
    return warning(
        "storage",
        f"{where} is not there; the first upload would make it.",
        "Is it the right folder, and mounted on this machine? Then make it, or start Twinspace.",
    )


def local_folder(url: str) -> Path | None:
    """None where it is no folder of this machine."""
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    return None if "://" in url else Path(url)


def _remedy(where: str) -> str:
    if local_folder(where) is None:
        return "Check address, bucket and credentials in TWINSPACE_STORAGE_URL, and that it can be reached."
    return "It must exist and belong to the user that runs Twinspace (in the image: uid 10001)."
