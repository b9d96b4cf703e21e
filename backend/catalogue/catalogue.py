"""The truth about items: a small set of transactions over SQLite or PostgreSQL.

Points in the vector store are a projection of it that can be made again at any time.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Integer, func, select, text
from sqlalchemy import cast as sql_cast

from backend.catalogue import changes, uploads
from backend.catalogue.attached import AttachedCaptions
from backend.catalogue.calibrations import Calibrations
from backend.catalogue.claims import Claims
from backend.catalogue.database import Database, utc_now
from backend.catalogue.items import NO_REQUEST, Added, Counts, Item, Listing, NewCaption, NewImage, Source
from backend.catalogue.listing import list_items
from backend.catalogue.lookup import look_up
from backend.catalogue.point_version import PointVersion
from backend.catalogue.rows import chunks, is_id
from backend.catalogue.schema import installation, items
from backend.catalogue.target import TargetSpace
from backend.catalogue.upkeep import Upkeep


class Catalogue:
    """Safe to use from several threads and, over PostgreSQL, from several machines.

    Every method may raise `Unavailable`, writes also `StorageFull`. What workers do with items
    is in `claims`, into which space in `target`, what keeps store and catalogue in step in `upkeep`.
    """

    def __init__(self, url: str | URL, now: Callable[[], datetime] = utc_now) -> None:
        """Opens the database and brings its schema up to date (Alembic). Raises `Unavailable`."""
        self._database = Database(url, now)
        self.calibrations = Calibrations(self._database)
        self.captions = AttachedCaptions(self._database)
        self.claims = Claims(self._database)
        self.point_version = PointVersion(self._database)
        self.target = TargetSpace(self._database)
        self.upkeep = Upkeep(self._database)

    def installation(self) -> str:
        """The id of whoever has this catalogue, however many processes that are."""
        with self._database.read() as connection:
            return str(connection.execute(select(installation.c.id)).scalar_one())

    # -- uploads ---------------------------------------------------------------------------
    def add_images(
        self, tenant: str, new: Sequence[NewImage], source: Source = NO_REQUEST
    ) -> builtins.list[Added]:
        """One transaction. A duplicate gains the new tags and merges metadata; a deleted one
        comes back as pending with a raised generation and the new `original`.

        An upload whose `original` was not taken (`added.item.original` differs from it) may delete
        it. It is taken by new items, by those that come back, and by a duplicate whose bytes are
        `lost`, which is pending again if it had `failed` for that. Other failures stay: the same
        bytes would fail again, and `retry` is there to ask for that.
        """
        now = self._database.now()
        return self._database.write(
            lambda connection: uploads.add_images(connection, tenant, new, source, now)
        )

    def add_captions(
        self, tenant: str, new: Sequence[NewCaption], source: Source = NO_REQUEST
    ) -> builtins.list[Added]:
        """One transaction. Raises `NotFound` (code `not_found`) when an `image_id` is not there."""
        now = self._database.now()
        return self._database.write(
            lambda connection: uploads.add_captions(connection, tenant, new, source, now)
        )

    # -- reading ---------------------------------------------------------------------------
    def get(self, tenant: str, ids: Sequence[str]) -> dict[str, Item]:
        """The items that exist and are not deleted."""
        found: dict[str, Item] = {}
        for some in chunks([id for id in ids if is_id(id)]):
            with self._database.read() as connection:
                found |= look_up(connection, tenant, some)
        return found

    def counts(self, tenant: str, space: str) -> Counts:
        groups = (
            select(
                items.c.status,
                items.c.kind,
                func.count(),
                func.sum(sql_cast(items.c.space == space, Integer)),
            )
            .where(items.c.tenant == tenant, items.c.deleted_at.is_(None))
            .group_by(items.c.status, items.c.kind)
        )
        with self._database.read() as connection:
            rows = connection.execute(groups).all()
        number = {(status, kind): count for status, kind, count, _ in rows}
        return Counts(
            images=number.get(("indexed", "image"), 0),
            captions=number.get(("indexed", "caption"), 0),
            pending=sum(count for (status, _), count in number.items() if status == "pending"),
            failed=sum(count for (status, _), count in number.items() if status == "failed"),
            in_space=sum(inside or 0 for status, _, _, inside in rows if status == "indexed"),
        )

    # -- changes ---------------------------------------------------------------------------
    def patch(
        self, tenant: str, id: str, tags: Sequence[str] | None, metadata: dict[str, Any] | None
    ) -> Item:
        """Replaces what is not None. Raises `NotFound`. The point's payload is then stale until
        the reconciler, or the caller by `project`, writes it anew."""
        return self._database.write(lambda connection: changes.patch(connection, tenant, id, tags, metadata))

    def delete(self, tenant: str, id: str) -> builtins.list[Item]:
        """Tombstones the item (an image with its captions) and raises the generation.
        Returns what was tombstoned; raises `NotFound`. The reconciler finishes the deletion."""
        now = self._database.now()
        return self._database.write(lambda connection: changes.tombstone(connection, tenant, id, now))

    def retry(self, tenant: str, id: str) -> Item:
        """`failed` becomes `pending` again; other states are left alone. Raises `NotFound`."""
        return self._database.write(lambda connection: changes.retry(connection, tenant, id))

    def check(self) -> None:
        """Raises `Unavailable` unless the database answers now."""
        with self._database.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._database.close()

    def list(
        self, tenant: str, listing: Listing, limit: int, cursor: str | None
    ) -> tuple[builtins.list[Item], str | None]:
        """Newest first. Raises `InvalidCursor`."""
        with self._database.read() as connection:
            return list_items(connection, tenant, listing, limit, cursor)
