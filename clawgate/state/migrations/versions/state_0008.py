"""Project spaces that people make themselves, and tags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "made_space",
        sa.Column("mount", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("folded", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("quota", sa.BigInteger),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("readme", sa.Text, nullable=False),
        sa.UniqueConstraint("mount", "folded", name="made_space_folded"),
        sa.UniqueConstraint("mount", "label", name="made_space_label"),
    )
    op.create_table(
        "made_space_member",
        sa.Column("mount", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
    )
    op.create_table(
        "made_space_change",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tag",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
    )
    op.create_index("tag_name", "tag", ["space", "name"])
