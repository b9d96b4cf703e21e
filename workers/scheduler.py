"""Celery's beat, which holds its tongue while nobody listens: in some weeks it would fill Redis."""

from __future__ import annotations

from typing import Any

from celery.beat import ScheduleEntry, Scheduler

from workers.app import waiting

ENOUGH = 64
"""Messages that wait: twice as many as the reconciler ever sends to the workers."""


class QuietScheduler(Scheduler):  # type: ignore[misc]  # it has no types
    """The schedule lives in memory: it has one entry, and a file would want a folder to write to."""

    def apply_async(
        self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **options: Any
    ) -> Any:
        """Raises what the broker's client raises; beat logs it and goes on."""
        with self.app.connection_for_write() as connection:
            if waiting(connection) >= ENOUGH:
                return None
        return super().apply_async(entry, producer=producer, advance=advance, **options)
