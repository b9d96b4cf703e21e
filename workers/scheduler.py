"""Celery's beat, which holds its tongue while nobody listens: in some weeks it would fill Redis."""

from __future__ import annotations

import logging
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from kombu.exceptions import OperationalError

from workers.app import waiting

LOG = logging.getLogger("twinspace.beat")
ENOUGH = 64
"""Messages that wait: twice as many as the reconciler ever sends to the workers."""


class QuietScheduler(Scheduler):  # type: ignore[misc]  # it has no types
    """The schedule lives in memory: it has one entry, and a file would want a folder to write to."""

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """A broker that is away is told in one line: Celery would write two tracebacks, every few seconds."""
        away = (OperationalError, *self.app.connection_for_write().connection_errors)
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:  # whatever it was, the next turn comes in a few seconds
            LOG.warning("The workers are not reminded: %s", error, exc_info=not isinstance(error, away))

    def apply_async(
        self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **options: Any
    ) -> Any:
        """Raises what the broker's client raises; `apply_entry` logs it and goes on."""
        with self.app.connection_for_write() as connection:
            if waiting(connection) >= ENOUGH:
                return None
        return super().apply_async(entry, producer=producer, advance=advance, **options)
