"""What owners do to their items: patch, delete, retry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from backend.catalogue.attached import mark_images
from backend.catalogue.items import Item
from backend.catalogue.rows import COLUMNS, alive, check_tags, chunks, is_id, locked, to_item
from backend.catalogue.schema import item_tags, items
from backend.catalogue.uploads import write_payload
from backend.errors import NotFound

FRESH = {
    "attempts": 0,
    "attempts_alone": 0,
    "postponed": 0,
    "not_before": None,
    "error_code": None,
    "error_detail": None,
}


def patch(
    connection: Connection, tenant: str, id: str, tags: Sequence[str] | None, metadata: dict[str, Any] | None
) -> Item:
    row = _hold(connection, tenant, id)
    new_tags = row["tags"] if tags is None else check_tags(tags)
    new_metadata = row["metadata"] if metadata is None else metadata
    if new_tags != row["tags"] or new_metadata != row["metadata"]:
        write_payload(connection, tenant, row, new_tags, new_metadata)
    return _item(connection, tenant, id)


def tombstone(connection: Connection, tenant: str, id: str, now: datetime) -> list[Item]:
    """The item, and the captions of an image. Their tags go at once, so that nothing is found by them, and
    the image of a caption is to forget its words."""
    _hold_image_of(connection, id)
    rows = [_hold(connection, tenant, id)]
    if rows[0]["image_id"] is not None:
        mark_images(connection, [rows[0]["image_id"]])
    if rows[0]["kind"] == "image":
        captions = alive(tenant).add_columns(items.c.sequence).where(items.c.image_id == id)
        rows += locked(connection, captions.order_by(items.c.id))
    found = []
    for some in chunks([row["sequence"] for row in rows]):
        marked = (
            update(items)
            .where(items.c.sequence.in_(some))
            .values(deleted_at=now, generation=items.c.generation + 1, payload_stale=False)
        )
        found += list(connection.execute(marked.returning(items.c.sequence, *COLUMNS)).mappings())
        connection.execute(delete(item_tags).where(item_tags.c.item.in_(some)))
    by_id = {row["id"]: to_item(row) for row in found}
    return [by_id[row["id"]] for row in rows]


def retry(connection: Connection, tenant: str, id: str) -> Item:
    row = _hold(connection, tenant, id)
    if row["status"] == "failed":
        connection.execute(
            update(items)
            .where(items.c.sequence == row["sequence"])
            .values(status="pending", generation=items.c.generation + 1, **FRESH)
        )
    return _item(connection, tenant, id)


def _hold(connection: Connection, tenant: str, id: str) -> RowMapping:
    query = alive(tenant).add_columns(items.c.sequence).where(items.c.id == id)
    rows = locked(connection, query) if is_id(id) else []
    if not rows:
        raise NotFound(f"There is no item {id}.")
    return rows[0]


def _hold_image_of(connection: Connection, id: str) -> None:
    """Before the caption itself, as uploads do, or the two could wait for each other."""
    if not is_id(id):
        return
    image = select(items.c.image_id).where(items.c.id == id).scalar_subquery()
    locked(connection, select(items.c.id).where(items.c.id == image))


def _item(connection: Connection, tenant: str, id: str) -> Item:
    return to_item(connection.execute(alive(tenant).where(items.c.id == id)).mappings().one())
