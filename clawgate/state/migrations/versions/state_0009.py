"""Numbers of tags, and memberships that end by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table and the column."""
    op.create_table(
        "tag_number",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kept", sa.SmallInteger, nullable=False),
        sa.UniqueConstraint("user_id", "name", name="tag_number_name"),
        sqlite_autoincrement=True,
    )
    op.add_column("made_space_member", sa.Column("expires", sa.Double))
