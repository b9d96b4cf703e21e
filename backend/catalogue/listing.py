"""Lists newest first, page by page: a page starts where the last one ended, however large the catalogue."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select

from backend.catalogue.items import Item, Listing
from backend.catalogue.rows import alive, is_id, to_item
from backend.catalogue.schema import item_tags, items
from backend.errors import InvalidCursor

MAX_SEQUENCE = 2**63 - 1


def list_items(
    connection: Connection, tenant: str, listing: Listing, limit: int, cursor: str | None
) -> tuple[list[Item], str | None]:
    query = _matching(tenant, listing).add_columns(items.c.sequence)
    # By the column of the index that is walked: the databases do not know that the two are the same.
    position = items.c.sequence if listing.tag is None else item_tags.c.item
    if cursor is not None:
        query = query.where(position < _read_cursor(cursor, tenant, listing))
    query = query.order_by(position.desc()).limit(limit + 1)
    rows = list(connection.execute(query).mappings())
    more = len(rows) > limit
    page = rows[:limit]
    return [to_item(row) for row in page], _cursor(page[-1]["sequence"], tenant, listing) if more else None


def _matching(tenant: str, listing: Listing) -> Select[Any]:
    query = alive(tenant)
    for column in ("kind", "status", "image_id"):
        value = getattr(listing, column)
        if value is not None:
            query = query.where(items.c[column] == value)
    if listing.ids is not None:
        query = query.where(items.c.id.in_([id for id in listing.ids if is_id(id)]))
    if listing.tag is not None:
        query = query.join_from(items, item_tags, item_tags.c.item == items.c.sequence)
        query = query.where(item_tags.c.tenant == tenant, item_tags.c.tag == listing.tag)
    return query


def _digest(tenant: str, listing: Listing) -> str:
    """A cursor belongs to one question; with another it would skip what nobody saw."""
    question = json.dumps([tenant, asdict(listing)], sort_keys=True)
    return hashlib.sha256(question.encode()).hexdigest()[:12]


def _cursor(sequence: int, tenant: str, listing: Listing) -> str:
    return base64.urlsafe_b64encode(f"{sequence}.{_digest(tenant, listing)}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str, tenant: str, listing: Listing) -> int:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        sequence, digest = (
            base64.b64decode(padded.encode("ascii"), b"-_", validate=True).decode("ascii").split(".")
        )
        before = int(sequence)
    except ValueError as error:
        raise InvalidCursor("The cursor is not one that was given out here.", "cursor") from error
    if digest != _digest(tenant, listing):
        raise InvalidCursor("The cursor belongs to another list.", "cursor")
    if not 0 < before <= MAX_SEQUENCE:
        raise InvalidCursor("The cursor is not one that was given out here.", "cursor")
    return before
