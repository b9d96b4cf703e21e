"""Which space workers fill while two versions of the encoder run side by side, as in a rolling upgrade.

Both would see the other's items as due for their own space and encode them again, for ever. So there is
one target: whoever starts last chooses it, the workers of every other space stand by. Should all workers
of the target be gone, one that stands by takes over.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, case, select, update
from sqlalchemy.dialects import postgresql, sqlite

from backend.catalogue.database import Database
from backend.catalogue.schema import target_space

SILENT = timedelta(seconds=120)
"""Workers of the target that are not heard of for so long are gone."""
SETTLED = timedelta(minutes=10)
"""As long as replicas of the API that still search the space before may be around."""


class NotTheTargetError(Exception):
    """Workers with another encoder are at work: this one must not undo what they do."""

    def __init__(self, space: str, target: str) -> None:
        super().__init__(
            f"This worker encodes into {space}, and others that started later into {target}: it stands by "
            "until they are gone. Stop it, or start it again to have everything encoded into its space."
        )


class TargetSpace:
    def __init__(self, database: Database) -> None:
        self._database = database

    def choose(self, space: str) -> None:
        """At the start of whoever encodes."""
        now = self._database.now()
        values = {"space": space, "chosen_at": now, "seen_at": now}
        since = case((target_space.c.space == space, target_space.c.chosen_at), else_=now)
        dialect = sqlite if self._database.is_sqlite else postgresql
        chosen = dialect.insert(target_space).values(only=1, **values)
        chosen = chosen.on_conflict_do_update(index_elements=["only"], set_=values | {"chosen_at": since})
        self._database.write(lambda connection: connection.execute(chosen))

    def hold(self, space: str) -> str:
        """A sign of life; the target, which is `space` afterwards where it was or the others are gone."""
        now = self._database.now()
        mine = update(target_space).where(target_space.c.space == space).values(seen_at=now)
        silent = update(target_space).where(target_space.c.seen_at < now - SILENT)
        taken = silent.values(space=space, chosen_at=now, seen_at=now)

        def work(connection: Connection) -> str:
            if not connection.execute(mine).rowcount:
                connection.execute(taken)
            return current(connection) or space

        return self._database.write(work)

    def is_settled(self, space: str) -> bool:
        """Whether `space` has been the target for so long that nobody needs another one."""
        query = select(target_space.c.space, target_space.c.chosen_at)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return row is None or (row.space == space and row.chosen_at <= self._database.now() - SETTLED)


def current(connection: Connection) -> str | None:
    """None: nobody has chosen yet."""
    found: str | None = connection.scalar(select(target_space.c.space))
    return found


def require(connection: Connection, space: str) -> None:
    """Raises `NotTheTargetError`."""
    target = current(connection)
    if target not in (None, space):
        raise NotTheTargetError(space, str(target))
