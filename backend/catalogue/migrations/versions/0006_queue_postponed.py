"""Drops an index that no question reads, and that every pause and its end had to write."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

POSTPONED = sa.text("not_before IS NOT NULL")


def upgrade() -> None:
    op.drop_index("queue_postponed", "items")


def downgrade() -> None:
    op.create_index(
        "queue_postponed", "items", ["not_before"], sqlite_where=POSTPONED, postgresql_where=POSTPONED
    )
