"""The catalogue's tables, and an index for every question that is asked of them.

Alembic's migrations make them; a test holds both to the same schema.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware times in and out, to the microsecond; SQLite has no zones and keeps bare UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


# SQLite numbers rows by itself only in a column that is declared as INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

items = Table(
    "items",
    metadata,
    # Newest first means highest sequence first: unlike a time it has no ties.
    Column("sequence", Sequence, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("tenant", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("indexed_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("space", String(255)),
    # Tags are here for reading an item and in `item_tags` for finding it by one.
    Column("tags", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("text", Text),
    Column("image_id", String(36)),
    Column("sha256", String(64)),
    Column("original", Text),
    Column("filename", Text),
    Column("content_type", String(255)),
    Column("width", Integer),
    Column("height", Integer),
    # Of the upload: what log lines of the API and of the worker have in common.
    Column("request_id", String(128)),
    # One of many that came together: it waits for those that came alone.
    Column("bulk", Boolean, nullable=False, server_default=false()),
    Column("error_code", String(64)),
    Column("error_detail", Text),
    # Raised when tags, metadata or an image's captions change; stale while the point shows an older version.
    Column("payload_version", Integer, nullable=False),
    Column("payload_stale", Boolean, nullable=False),
    # The claim: who works on the item and until when. See `claims`.
    Column("leased_by", String(64)),
    Column("lease_until", UtcDateTime),
    Column("not_before", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("attempts_alone", Integer, nullable=False),
    Column("postponed", Integer, nullable=False),
    sqlite_autoincrement=True,
)

item_tags = Table(
    "item_tags",
    metadata,
    Column("item", Sequence, ForeignKey(items.c.sequence, ondelete="CASCADE"), primary_key=True),
    Column("tag", String(255), primary_key=True),
    Column("tenant", String(255), nullable=False),
    sqlite_with_rowid=False,
)

# One row, made with the table: what belongs to this catalogue elsewhere carries its id.
installation = Table(
    "installation",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False),
)

# At most one row: the space that workers fill. See `target`.
target_space = Table(
    "target_space",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("space", String(255), nullable=False),
    Column("chosen_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

point_version = Table(
    "point_version",
    metadata,
    # One row: what points hold, as `projection.version` puts it. See `point_version`.
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("version", String(64), nullable=False),
    Column("chosen_at", UtcDateTime, nullable=False),
    Column("settled", Boolean, nullable=False),
)

calibrations = Table(
    "calibrations",
    metadata,
    # Of the space: what it says holds for one set of weights.
    Column("fingerprint", String(64), primary_key=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("data", LargeBinary, nullable=False),
)


def _index(name: str, *columns: Column[Any], where: str | None = None) -> None:
    condition = text(where) if where else None
    Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


ALIVE = "deleted_at IS NULL"
INDEXED = f"status = 'indexed' AND {ALIVE}"

_index("items_listed", items.c.tenant, items.c.sequence, where=ALIVE)
_index("items_of_kind", items.c.tenant, items.c.kind, items.c.sequence, where=ALIVE)
_index("items_of_status", items.c.tenant, items.c.status, items.c.sequence, where=ALIVE)
_index("items_counted", items.c.tenant, items.c.status, items.c.kind, items.c.space, where=ALIVE)
_index("items_of_image", items.c.image_id, items.c.sequence, where="image_id IS NOT NULL")
_index("items_in_space", items.c.kind, items.c.space, items.c.id, where=INDEXED)
_index("tags_of_items", item_tags.c.tenant, item_tags.c.tag, item_tags.c.item)

# The queues: each holds only what waits in it, so that a claim costs the same in a large catalogue.
UNTRIED_PENDING = f"status = 'pending' AND {ALIVE} AND attempts = 0"
UNTRIED_INDEXED = f"{INDEXED} AND attempts = 0"
TRIED = f"attempts > 0 AND {ALIVE}"
_index("queue_pending", items.c.bulk, items.c.sequence, where=UNTRIED_PENDING)
_index("queue_other_space", items.c.space, items.c.sequence, where=UNTRIED_INDEXED)
_index("queue_tried", items.c.attempts, items.c.sequence, where=TRIED)
_index("queue_leased", items.c.lease_until, where="lease_until IS NOT NULL")
_index("queue_deleted", items.c.sequence, where="deleted_at IS NOT NULL")
_index("queue_stale", items.c.sequence, where="payload_stale")
