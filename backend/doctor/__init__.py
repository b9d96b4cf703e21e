"""An examination of everything an installation needs, part by part, for `twinspace doctor`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator

from backend.doctor import broker, database, disk, model, qdrant, storage, variables
from backend.doctor.findings import Finding, ok, problem
from backend.errors import ConfigurationError
from backend.settings import Settings

LOG = logging.getLogger("twinspace.doctor")

PARTS: tuple[tuple[str, Callable[[Settings], Iterable[Finding]]], ...] = (
    ("storage", storage.check),
    ("database", database.check),
    ("broker", broker.check),
    ("vectors", qdrant.check),
    ("disk", disk.check),
    ("model", model.check),
)


def examine(load_settings: Callable[[], Settings]) -> Iterator[Finding]:
    """One finding or more for every part, as they are found. Raises nothing. `load_settings` may raise
    `ConfigurationError`."""
    yield from variables.check(os.environ)
    try:
        settings = load_settings()
    except ConfigurationError as error:
        yield problem("settings", error.detail, "Mend the settings; nothing else can be looked at before.")
        return
    yield ok("settings", _profile(settings))
    for part, check in PARTS:
        yield from _guarded(part, check, settings)


def _guarded(
    part: str, check: Callable[[Settings], Iterable[Finding]], settings: Settings
) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except Exception as error:
        # One sick part in a way that nobody foresaw must not hide the others.
        LOG.debug("Looking at %s failed", part, exc_info=True)
        yield problem(part, f"{type(error).__name__}: {error}", "This is unexpected; please report it.")


def _profile(settings: Settings) -> str:
    if settings.distributed:
        return "They fit together: the distributed profile."
    return f"They fit together: the embedded profile, data in {settings.data.absolute()}."
