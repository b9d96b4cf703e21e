"""Who works on what: a claim is a lease on items, taken in the catalogue and never in a message queue.

An item whose claim was never finished is one whose process died. It may be the reason: it is
claimed alone from then on, after what nobody tried yet, and after three deaths in which it was
the only item in work it is `failed` as `poison`. Deaths in company count towards nothing: whoever
kills a server now and then must not turn its uploads into poison.

Uploads that came alone go before those that came in bulk, and are never put into one batch with them,
so that a large import costs them at most the batches that are in work when they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Update,
    and_,
    select,
    tuple_,
    update,
)

from backend.catalogue.changes import FRESH
from backend.catalogue.database import Database
from backend.catalogue.items import Item
from backend.catalogue.queues import due, tried, untried
from backend.catalogue.rows import COLUMNS, to_item
from backend.catalogue.schema import items
from backend.catalogue.target import require

DEATHS = 3
# What died once goes before new items after this long, or a steady stream of uploads would starve it.
TRIED_WAIT = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(seconds=30)
NO_LEASE = {"leased_by": None, "lease_until": None}


@dataclass(frozen=True)
class Claim:
    """One item in work. `item.status` is `indexed` when it only moves to another space."""

    item: Item
    payload_version: int
    """Of the tags and metadata in `item`."""
    request_id: str | None = None
    """Of the upload."""


class Claims:
    """Finishing an item is conditional on what was claimed: its generation, and that it is not deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self,
        space: str,
        worker: str,
        limit: int,
        lease_seconds: float,
        *,
        in_company: bool = False,
        bulk_first: bool = False,
    ) -> list[Claim]:
        """Up to `limit` items that are pending or indexed in another space, committed as leased to
        `worker` before this returns. `in_company`: the worker has other claims in work, so that
        nothing that was tried before may join them. `bulk_first`: for once, so that a stream of single
        uploads cannot starve an import. Raises `NotTheTargetError` while others fill another space."""
        now = self._database.now()

        def work(connection: Connection) -> list[Claim]:
            require(connection, space)
            sequences = [] if in_company else self._tried(connection, space, now, now - TRIED_WAIT)
            if not sequences:
                sequences = self._untried(connection, space, now, limit, bulk_first)
            if not sequences and not in_company:
                sequences = self._tried(connection, space, now, now)
            alone = len(sequences) == 1 and not in_company
            return self._lease(connection, sequences, worker, now + timedelta(seconds=lease_seconds), alone)

        return self._database.write(work)

    def _untried(
        self, connection: Connection, space: str, now: datetime, limit: int, bulk_first: bool
    ) -> list[int]:
        alone, *many = untried(space)

        def some_alone() -> list[int]:
            return _skipping_locked(connection, alone.where(due(now)).limit(limit))

        found = [] if bulk_first else some_alone()
        for queue in many if not found else []:
            if len(found) < limit:
                found += _skipping_locked(connection, queue.where(due(now)).limit(limit - len(found)))
        return found or (some_alone() if bulk_first else [])

    def _tried(self, connection: Connection, space: str, now: datetime, before: datetime) -> list[int]:
        """One item, among those whose lease ran out by `before`."""
        queue = tried(space).where(due(now), items.c.lease_until <= before).limit(1)
        while found := _skipping_locked(connection, queue):
            if not self._is_poison(connection, found[0]):
                return found
        return []

    def _is_poison(self, connection: Connection, sequence: int) -> bool:
        detail = f"The process that worked on it died {DEATHS} times."
        values = _failure("poison", detail)
        poison = (
            update(items).where(items.c.sequence == sequence, items.c.attempts_alone >= DEATHS).values(values)
        )
        return connection.execute(poison).rowcount == 1

    def _lease(
        self, connection: Connection, sequences: Sequence[int], worker: str, until: datetime, alone: bool
    ) -> list[Claim]:
        if not sequences:
            return []
        leased = (
            update(items)
            .where(items.c.sequence.in_(sequences))
            .values(
                leased_by=worker,
                lease_until=until,
                attempts=items.c.attempts + 1,
                attempts_alone=items.c.attempts_alone + int(alone),
            )
            .returning(items.c.sequence, items.c.payload_version, items.c.request_id, *COLUMNS)
        )
        rows = {row["sequence"]: row for row in connection.execute(leased).mappings()}
        return [_claim(rows[sequence]) for sequence in sequences]

    def extend(self, worker: str, claims: Sequence[Claim], lease_seconds: float) -> None:
        """A sign of life while a batch is being worked on."""
        until = self._database.now() + timedelta(seconds=lease_seconds)
        extended = update(items).where(_held(worker, claims)).values(lease_until=until)
        if claims:
            self._database.write(lambda connection: connection.execute(extended))

    def indexed(self, space: str, indexed_at: datetime, claims: Sequence[Claim]) -> list[Item]:
        """Commits that the points of `claims` are in `space`; returns the items that are deleted
        meanwhile, whose points the caller removes. It does not ask who holds the lease: the same
        item's point is the same point, whoever wrote it."""

        def work(connection: Connection) -> list[Item]:
            done = (
                update(items)
                .where(_generation(claims), items.c.deleted_at.is_(None))
                .values(
                    status="indexed",
                    space=space,
                    indexed_at=indexed_at,
                    payload_stale=False,
                    **FRESH,
                    **NO_LEASE,
                )
                .returning(items.c.id, items.c.payload_version)
            )
            versions: dict[str, int] = dict(connection.execute(done).all())
            changed = [
                c.item.id for c in claims if versions.get(c.item.id, c.payload_version) != c.payload_version
            ]
            if changed:
                connection.execute(update(items).where(items.c.id.in_(changed)).values(payload_stale=True))
            _free_tombstones(connection, claims)
            return self._deleted(connection, [c.item for c in claims if c.item.id not in versions])

        return self._database.write(work) if claims else []

    def _deleted(self, connection: Connection, unfinished: list[Item]) -> list[Item]:
        """Not those that were deleted and uploaded again: whoever claims them next writes that point."""
        ids = [item.id for item in unfinished]
        alive = set(
            connection.scalars(select(items.c.id).where(items.c.id.in_(ids), items.c.deleted_at.is_(None)))
        )
        return [item for item in unfinished if item.id not in alive]

    def failed(self, worker: str, claim: Claim, code: str, detail: str) -> None:
        """For what can never work; `retry` makes it pending again."""
        values = _failure(code, detail)
        self._finish(update(items).where(_held(worker, [claim])).values(values), [claim])

    def postpone(self, worker: str, claims: Sequence[Claim]) -> None:
        """For what could not be done because a service is down: never counts against the item, and
        comes back after 1, 2, 4, ... and at most 30 seconds."""
        now = self._database.now()

        def work(connection: Connection) -> None:
            query = select(items.c.postponed, items.c.sequence).where(_held(worker, claims))
            by_pause: dict[int, list[int]] = {}
            for postponed, sequence in connection.execute(query):
                by_pause.setdefault(postponed, []).append(sequence)
            for postponed, sequences in by_pause.items():
                not_before = now + min(LONGEST_PAUSE, timedelta(seconds=2 ** min(postponed, 10)))
                values = {**FRESH, **NO_LEASE, "postponed": postponed + 1, "not_before": not_before}
                connection.execute(update(items).where(items.c.sequence.in_(sequences)).values(values))
            _free_tombstones(connection, claims)

        if claims:
            self._database.write(work)

    def release(self, worker: str, claims: Sequence[Claim]) -> None:
        """Gives back, as if never claimed, what a worker that stops has not begun."""
        values = {"attempts": 0, "attempts_alone": 0, **NO_LEASE}
        self._finish(update(items).where(_held(worker, claims)).values(values), claims)

    def release_dead(self) -> None:
        """Ends all leases: for the start of a profile whose only worker this process is."""
        now = self._database.now()
        dead = update(items).where(items.c.lease_until.is_not(None), items.c.lease_until > now)
        self._database.write(lambda connection: connection.execute(dead.values(lease_until=now)))

    def backlog(self, space: str, limit: int) -> int:
        """How many items could be claimed now, counted up to `limit`."""
        now = self._database.now()
        queues = [*untried(space), tried(space).where(items.c.lease_until <= now)]
        with self._database.read() as connection:
            ready = 0
            for query in queues:
                if ready < limit:
                    ready += len(connection.execute(query.where(due(now)).limit(limit - ready)).all())
        return ready

    def _finish(self, statement: Update, claims: Sequence[Claim]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(statement)
            _free_tombstones(connection, claims)

        if claims:
            self._database.write(work)


def _claim(row: RowMapping) -> Claim:
    return Claim(to_item(row), row["payload_version"], row["request_id"])


def _failure(code: str, detail: str) -> dict[str, Any]:
    return {"status": "failed", **FRESH, **NO_LEASE, "error_code": code, "error_detail": detail}


def _skipping_locked(connection: Connection, query: Select[Any]) -> list[int]:
    """What another worker is claiming at this moment is not waited for."""
    rows: Iterable[RowMapping] = connection.execute(query.with_for_update(skip_locked=True)).mappings()
    return [row["sequence"] for row in rows]


def _generation(claims: Sequence[Claim]) -> ColumnElement[bool]:
    pairs = [(claim.item.id, claim.item.generation) for claim in claims]
    return tuple_(items.c.id, items.c.generation).in_(pairs)


def _free_tombstones(connection: Connection, claims: Sequence[Claim]) -> None:
    """What was deleted during work waits for the end of the work, see `Upkeep.tombstones`."""
    ids = [claim.item.id for claim in claims]
    deleted = update(items).where(items.c.id.in_(ids), items.c.deleted_at.is_not(None))
    connection.execute(deleted.values(NO_LEASE))


def _held(worker: str, claims: Sequence[Claim]) -> ColumnElement[bool]:
    return and_(_generation(claims), items.c.leased_by == worker, items.c.deleted_at.is_(None))
