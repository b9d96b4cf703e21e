"""Which request brought an item and whether in bulk, and which space workers fill."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
PENDING = sa.text("status = 'pending' AND deleted_at IS NULL AND attempts = 0")


def upgrade() -> None:
    op.add_column("items", sa.Column("request_id", sa.String(128)))
    op.add_column("items", sa.Column("bulk", sa.Boolean, nullable=False, server_default=sa.false()))
    op.drop_index("queue_pending", "items")
    _queue("bulk", "sequence")
    op.create_table(
        "target_space",
        sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("space", sa.String(255), nullable=False),
        sa.Column("chosen_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("target_space")
    op.drop_index("queue_pending", "items")
    _queue("sequence")
    op.drop_column("items", "bulk")
    op.drop_column("items", "request_id")


def _queue(*columns: str) -> None:
    op.create_index("queue_pending", "items", list(columns), sqlite_where=PENDING, postgresql_where=PENDING)
