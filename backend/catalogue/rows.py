"""Between rows and `Item`s, and what both uploads and changes do to rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, RowMapping, Select, delete, insert, select

from backend.catalogue.items import Item
from backend.catalogue.schema import item_tags, items
from backend.errors import InvalidRequest

Value = TypeVar("Value")

FIELDS = tuple(field.name for field in fields(Item))
COLUMNS = tuple(items.c[name] for name in FIELDS)
TAGS = FIELDS.index("tags")
# Far below the number of bound values that either database allows in one statement.
CHUNK = 1000
MAX_TAG = 255

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def alive(tenant: str) -> Select[Any]:
    """The items of a tenant that are not deleted."""
    return select(*COLUMNS).where(items.c.tenant == tenant, items.c.deleted_at.is_(None))


def to_item(row: RowMapping) -> Item:
    return item_of([row[name] for name in FIELDS])


def item_of(values: Sequence[Any]) -> Item:
    """From the values of `COLUMNS`, in their order: what a search does forty times is to cost little."""
    given = list(values)
    given[TAGS] = tuple(given[TAGS])
    return Item(*given)


def is_id(value: str) -> bool:
    return _UUID.fullmatch(value) is not None


def chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def unique(tags: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def check_text(value: str, field: str) -> str:
    """PostgreSQL has no NUL in texts; SQLite would keep it, and find it only sometimes."""
    if "\0" in value:
        raise InvalidRequest("A text may not contain NUL.", field)
    return value


def check_tags(tags: Iterable[str]) -> list[str]:
    checked = unique(check_text(tag, "tags") for tag in tags)
    if any(len(tag) > MAX_TAG for tag in checked):
        raise InvalidRequest(f"A tag may have {MAX_TAG} characters.", "tags")
    return checked


def replace_tags(connection: Connection, tenant: str, tags_by_sequence: dict[int, Sequence[str]]) -> None:
    for sequences in chunks(list(tags_by_sequence)):
        connection.execute(delete(item_tags).where(item_tags.c.item.in_(sequences)))
    insert_tags(connection, tenant, tags_by_sequence)


def insert_tags(connection: Connection, tenant: str, tags_by_sequence: dict[int, Sequence[str]]) -> None:
    rows = [
        {"item": sequence, "tag": tag, "tenant": tenant}
        for sequence, tags in tags_by_sequence.items()
        for tag in tags
    ]
    if rows:
        connection.execute(insert(item_tags), rows)


def locked(connection: Connection, query: Select[Any], *, share: bool = False) -> list[RowMapping]:
    """The rows, held against change until the transaction ends (SQLite's writer is alone anyway)."""
    return cast(list[RowMapping], list(connection.execute(query.with_for_update(read=share)).mappings()))
