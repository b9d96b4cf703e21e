"""Which version of points the store holds: when points are to hold more or other things than before, all
are written anew once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Connection, func, insert, select, text, update

from backend.catalogue.database import Database
from backend.catalogue.schema import INDEXED, items, point_version

STEP = 10_000
"""Items a transaction: others write in between."""
SETTLED = timedelta(minutes=10)
"""As long as workers of the version before may still be writing points."""


class PointVersion:
    def __init__(self, database: Database) -> None:
        self._database = database

    def require(self, version: str) -> int:
        """For the start of a process: how many points were of another version, and are stale now.
        Killed on the way, it begins again at the next start."""
        if self.is_current(version):
            return 0
        now = self._database.now()
        marked = self._mark()
        self._database.write(lambda connection: _write(connection, version, now))
        return marked

    def is_current(self, version: str) -> bool:
        """Points are to be of this version: nobody has started with another since."""
        with self._database.read() as connection:
            return bool(connection.scalar(select(point_version.c.version)) == version)

    def settle(self) -> None:
        """What others indexed while they were still writing points of the version before is stale, too."""
        before = self._database.now() - SETTLED
        due = select(point_version.c.chosen_at).where(
            point_version.c.settled.is_(False), point_version.c.chosen_at <= before
        )
        with self._database.read() as connection:
            chosen_at = connection.scalar(due)
        if chosen_at is not None:
            self._mark(items.c.indexed_at >= chosen_at, items.c.indexed_at <= chosen_at + SETTLED)
            settled = update(point_version).where(point_version.c.chosen_at == chosen_at).values(settled=True)
            self._database.write(lambda connection: connection.execute(settled))

    def _mark(self, *conditions: ColumnElement[bool]) -> int:
        with self._database.read() as connection:
            last = connection.scalar(select(func.max(items.c.sequence))) or 0
        marked = 0
        for start in range(0, last, STEP):
            stale = (
                update(items)
                .where(text(INDEXED), *conditions, items.c.sequence > start, items.c.sequence <= start + STEP)
                .values(payload_stale=True, payload_version=items.c.payload_version + 1)
            )
            marked += self._database.write(partial(Connection.execute, statement=stale)).rowcount
        return marked


def _write(connection: Connection, version: str, now: datetime) -> None:
    values = {"version": version, "chosen_at": now, "settled": False}
    if connection.execute(update(point_version).values(values)).rowcount == 0:
        connection.execute(insert(point_version).values(only=1, **values))
