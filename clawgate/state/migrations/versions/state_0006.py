"""Which generation of a space was noted last, so that a restored backup is noticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "generation",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("explained", sa.Text, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
    )
