"""Items, their tags, and the queues over them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
ALIVE = "deleted_at IS NULL"
INDEXED = f"status = 'indexed' AND {ALIVE}"


def _index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("indexed_at", TIME),
        sa.Column("deleted_at", TIME),
        sa.Column("space", sa.String(255)),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("image_id", sa.String(36)),
        sa.Column("sha256", sa.String(64)),
        sa.Column("original", sa.Text),
        sa.Column("filename", sa.Text),
        sa.Column("content_type", sa.String(255)),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("error_code", sa.String(64)),
        sa.Column("error_detail", sa.Text),
        sa.Column("payload_version", sa.Integer, nullable=False),
        sa.Column("payload_stale", sa.Boolean, nullable=False),
        sa.Column("leased_by", sa.String(64)),
        sa.Column("lease_until", TIME),
        sa.Column("not_before", TIME),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("attempts_alone", sa.Integer, nullable=False),
        sa.Column("postponed", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "item_tags",
        sa.Column("item", SEQUENCE, sa.ForeignKey("items.sequence", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag", sa.String(255), primary_key=True),
        sa.Column("tenant", sa.String(255), nullable=False),
        sqlite_with_rowid=False,
    )
    _index("items_listed", "items", ["tenant", "sequence"], ALIVE)
    _index("items_of_kind", "items", ["tenant", "kind", "sequence"], ALIVE)
    _index("items_of_status", "items", ["tenant", "status", "sequence"], ALIVE)
    _index("items_counted", "items", ["tenant", "status", "kind", "space"], ALIVE)
    _index("items_of_image", "items", ["image_id", "sequence"], "image_id IS NOT NULL")
    _index("items_in_space", "items", ["kind", "space", "id"], INDEXED)
    _index("tags_of_items", "item_tags", ["tenant", "tag", "item"])
    _index("queue_pending", "items", ["sequence"], f"status = 'pending' AND {ALIVE} AND attempts = 0")
    _index(
        "queue_other_space",
        "items",
        ["space", "sequence"],
        f"{INDEXED} AND attempts = 0",
    )
    _index("queue_tried", "items", ["attempts", "sequence"], f"attempts > 0 AND {ALIVE}")
    _index("queue_leased", "items", ["lease_until"], "lease_until IS NOT NULL")
    _index("queue_postponed", "items", ["not_before"], "not_before IS NOT NULL")
    _index("queue_deleted", "items", ["sequence"], "deleted_at IS NOT NULL")
    _index("queue_stale", "items", ["sequence"], "payload_stale")


def downgrade() -> None:
    op.drop_table("item_tags")
    op.drop_table("items")
