"""What keeps store and originals in step with the catalogue: deletions, stale payloads, lost points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, or_, select, text, tuple_, update

from backend.catalogue.changes import FRESH
from backend.catalogue.claims import NO_LEASE, Claim
from backend.catalogue.database import Database
from backend.catalogue.items import Item
from backend.catalogue.queues import tried, untried
from backend.catalogue.rows import COLUMNS, chunks, is_id, to_item
from backend.catalogue.schema import INDEXED, items
from backend.store.base import Kind


@dataclass(frozen=True)
class Expected:
    """How many points of one kind a space must hold, and how many more it may hold for a while."""

    least: int
    most: int


class Upkeep:
    def __init__(self, database: Database) -> None:
        self._database = database

    # -- deletions -------------------------------------------------------------------------
    def tombstones(self, limit: int, skip: int = 0) -> list[Item]:
        """Deleted items that nobody has in work: a worker might still write what is removed here."""
        now = self._database.now()
        query = (
            select(*COLUMNS)
            .where(
                text("deleted_at IS NOT NULL"), or_(items.c.lease_until.is_(None), items.c.lease_until <= now)
            )
            .order_by(items.c.sequence)
            .limit(limit)
            .offset(skip)
        )
        with self._database.read() as connection:
            return [to_item(row) for row in connection.execute(query).mappings()]

    def forget(self, deleted: Sequence[Item]) -> None:
        """Removes tombstones whose points and files are gone. An item that came back meanwhile may
        have lost its new point to the clearing away of the old one, and is encoded again."""

        def work(connection: Connection) -> None:
            pairs = [(item.id, item.generation) for item in deleted]
            tombstones = delete(items).where(
                tuple_(items.c.id, items.c.generation).in_(pairs), items.c.deleted_at.is_not(None)
            )
            gone = set(connection.scalars(tombstones.returning(items.c.id)))
            back = [item.id for item in deleted if item.id not in gone]
            if back:
                again = update(items).where(items.c.id.in_(back), items.c.deleted_at.is_(None))
                connection.execute(
                    again.values(space=None, generation=items.c.generation + 1, **FRESH, **NO_LEASE)
                )

        if deleted:
            self._database.write(work)

    # -- payloads --------------------------------------------------------------------------
    def stale(self, limit: int) -> list[Claim]:
        """Indexed items whose tags or metadata changed since their point was written."""
        query = (
            select(items.c.payload_version, *COLUMNS)
            .where(text("payload_stale"), text(INDEXED))
            .order_by(items.c.sequence)
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return [Claim(to_item(row), row["payload_version"]) for row in rows]

    def projected(self, claims: Sequence[Claim]) -> None:
        """Their payloads are written, as of the version in each claim."""
        pairs = [(claim.item.id, claim.payload_version) for claim in claims]
        fresh = update(items).where(tuple_(items.c.id, items.c.payload_version).in_(pairs))
        if pairs:
            self._database.write(lambda connection: connection.execute(fresh.values(payload_stale=False)))

    # -- points ----------------------------------------------------------------------------
    def expected(self, space: str, kind: Kind) -> Expected:
        """A point is written before its item is `indexed` and removed after it is deleted, so there
        are never fewer points than indexed items, and more only by what is in work or deleted."""
        indexed = select(func.count()).where(text(INDEXED), items.c.kind == kind, items.c.space == space)
        leased = select(func.count()).where(text("lease_until IS NOT NULL"), items.c.kind == kind)
        deleted = select(func.count()).where(text("deleted_at IS NOT NULL"), items.c.kind == kind)
        with self._database.read() as connection:
            least, in_work, tombstones = (
                connection.scalar(query.select_from(items)) or 0 for query in (indexed, leased, deleted)
            )
        return Expected(least, least + in_work + tombstones)

    def ids_in_space(self, space: str, kind: Kind, after: str, until: str | None, limit: int) -> list[str]:
        """Ids of the first indexed items with `after < id <= until`, in order."""
        query = select(items.c.id).where(
            text(INDEXED), items.c.kind == kind, items.c.space == space, items.c.id > after
        )
        if until is not None:
            query = query.where(items.c.id <= until)
        with self._database.read() as connection:
            return list(connection.scalars(query.order_by(items.c.id).limit(limit)))

    def lost(self, space: str, ids: Sequence[str]) -> int:
        """The points of these items are not in `space`: they are encoded again, and stay listed as
        indexed meanwhile. Returns how many it was true of."""

        def work(connection: Connection) -> int:
            count = 0
            for some in chunks(ids):
                lost = update(items).where(items.c.id.in_(some), text(INDEXED), items.c.space == space)
                count += connection.execute(lost.values(space=None)).rowcount
            return count

        return self._database.write(work) if ids else 0

    def without_item(self, ids: Sequence[str]) -> list[str]:
        """Those of `ids` whose points nobody answers for: no item, or one that failed."""
        known: set[str] = set()
        with self._database.read() as connection:
            for some in chunks([id for id in ids if is_id(id)]):
                query = select(items.c.id).where(items.c.id.in_(some), items.c.status != "failed")
                known |= set(connection.scalars(query))
        return [id for id in ids if id not in known]

    def all_in(self, space: str) -> bool:
        """Whether nothing that could be searched is still waiting to enter `space`."""
        queues = [*untried(space), tried(space)]
        with self._database.read() as connection:
            return all(connection.scalar(query.limit(1)) is None for query in queues)

    # -- originals -------------------------------------------------------------------------
    def is_empty(self) -> bool:
        """Whether this catalogue knows of no item, not even of one that is being deleted."""
        with self._database.read() as connection:
            return connection.scalar(select(items.c.sequence).limit(1)) is None

    def originals(self, ids: Sequence[str]) -> dict[str, str]:
        """The keys in use, by item; a tombstone still uses its own."""
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for some in chunks([id for id in ids if is_id(id)]):
                query = select(items.c.id, items.c.original).where(
                    items.c.id.in_(some), items.c.original.is_not(None)
                )
                found |= dict(connection.execute(query).all())
        return found
