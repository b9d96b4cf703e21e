"""Celery's beat, which holds its tongue while nobody listens: in some weeks it would fill Redis."""

from __future__ import annotations

import logging
import math
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from workers.app import waiting

LOG = logging.getLogger("twinspace.beat")
ENOUGH = 64
"""Messages that wait: twice as many as the reconciler ever sends to the workers."""
ALIVE = "twinspace.beat"
"""A key of Redis that is there while a beat sends. Its clock ends it, so that nobody has to compare times."""
SILENT_SECONDS = 60
"""Until a beat counts as gone; ten of its turns where that is longer."""


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
            _say_alive(connection, entry.schedule.seconds)
            if waiting(connection) >= ENOUGH:
                return None
        return super().apply_async(entry, producer=producer, advance=advance, **options)


def _say_alive(connection: Connection, pause: float) -> None:
    if connection.transport.driver_type == "redis":
        channel: Any = connection.default_channel
        channel.client.set(ALIVE, 1, ex=math.ceil(max(SILENT_SECONDS, 10 * pause)))


def is_alive(redis: Any) -> bool:
    """Whether any beat has sent its messages of late. `redis`: a client, whose errors this raises."""
    return bool(redis.exists(ALIVE))
