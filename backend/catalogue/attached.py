"""What is written about a picture: the captions attached to it, by whose words it is found, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, func, select, update

from backend.catalogue.database import Database
from backend.catalogue.rows import chunks
from backend.catalogue.schema import items

# One value instead of rows, for every hybrid search asks it: see `lookup`.
_CAPTIONED = select(func.aggregate_strings(items.c.image_id, ",")).where(
    items.c.image_id.in_(bindparam("ids", expanding=True)), items.c.deleted_at.is_(None)
)


class AttachedCaptions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def texts(self, image_ids: Sequence[str]) -> dict[str, list[str]]:
        """By picture, oldest first; of captions that are pending or failed, too."""
        found: dict[str, list[str]] = {}
        with self._database.read() as connection:
            for some in chunks(image_ids):
                query = (
                    select(items.c.image_id, items.c.text)
                    .where(items.c.image_id.in_(some), items.c.deleted_at.is_(None))
                    .order_by(items.c.sequence)
                )
                for image_id, text in connection.execute(query):
                    found.setdefault(image_id, []).append(text)
        return found

    def captioned(self, image_ids: Sequence[str]) -> set[str]:
        """Those of these pictures that have captions."""
        found: set[str] = set()
        with self._database.read() as connection:
            for some in chunks(image_ids):
                if together := connection.scalar(_CAPTIONED, {"ids": some}):
                    found.update(together.split(","))
        return found


def mark_images(connection: Connection, ids: Iterable[str]) -> None:
    """Their captions are others now, which their points must show. The caller holds these images."""
    for some in chunks(sorted(set(ids))):
        connection.execute(
            update(items)
            .where(items.c.id.in_(some), items.c.deleted_at.is_(None))
            .values(payload_version=items.c.payload_version + 1, payload_stale=items.c.status == "indexed")
        )
