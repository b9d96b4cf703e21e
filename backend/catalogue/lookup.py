"""Items by their ids: what every search does forty times, and the largest part of its time in Python.

SQLite's driver lets go of the GIL at every row, and of many searches at a time each row then waits for all
the others and for the encoder. So SQLite is asked for one value that holds all rows, as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import JSON, Connection, String, bindparam, func, select, type_coerce

from backend.catalogue.items import Item
from backend.catalogue.rows import COLUMNS, item_of
from backend.catalogue.schema import UtcDateTime, items

_TIMES = [k for k, column in enumerate(COLUMNS) if isinstance(column.type, UtcDateTime)]
_DOCUMENTS = [k for k, column in enumerate(COLUMNS) if isinstance(column.type, JSON)]
_WANTED = (*COLUMNS, items.c.deleted_at)

# By id alone, and sifted afterwards: given the tenant too, SQLite walks through all its items.
_SOME = items.c.id.in_(bindparam("ids", expanding=True))
_ROWS = select(*_WANTED).where(_SOME)
# As they are stored: times and documents are texts.
_AS_STORED = func.json_array(*(type_coerce(column, String) for column in _WANTED))
_ONE_VALUE = select(func.json_group_array(_AS_STORED, type_=String)).where(_SOME)


def look_up(connection: Connection, tenant: str, ids: Sequence[str]) -> dict[str, Item]:
    """Those that exist and are not deleted. `ids` may be as many as one statement takes (`rows.CHUNK`)."""
    rows = _in_one(connection, ids) if connection.dialect.name == "sqlite" else _row_by_row(connection, ids)
    found = (item_of(values) for *values, deleted_at in rows if deleted_at is None)
    return {item.id: item for item in found if item.tenant == tenant}


def _row_by_row(connection: Connection, ids: Sequence[str]) -> Iterable[Sequence[Any]]:
    return connection.execute(_ROWS, {"ids": ids}).all()


def _in_one(connection: Connection, ids: Sequence[str]) -> Iterable[Sequence[Any]]:
    rows: list[list[Any]] = from_json(connection.execute(_ONE_VALUE, {"ids": ids}).scalar_one())
    for row in rows:
        for k in _TIMES:
            row[k] = row[k] and datetime.fromisoformat(row[k]).replace(tzinfo=UTC)
        for k in _DOCUMENTS:
            row[k] = from_json(row[k])
    return rows
