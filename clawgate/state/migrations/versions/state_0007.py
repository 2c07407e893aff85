"""Keys by which people sign addresses of downloads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "signing_key",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("former", sa.Text, nullable=False),
        sa.Column("made", sa.Double, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("seen", sa.Double, nullable=False),
    )
