"""Who this is: what belongs to this catalogue elsewhere carries its id."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "installation",
        sa.Column("only", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(32), nullable=False),
    )
    op.bulk_insert(table, [{"only": 1, "id": uuid.uuid4().hex}])


def downgrade() -> None:
    op.drop_table("installation")
