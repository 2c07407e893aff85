"""Locks, dead properties, favourites and uploads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "lock",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("space", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("deep", sa.SmallInteger, nullable=False),
        sa.Column("exclusive", sa.SmallInteger, nullable=False),
        sa.Column("owner_xml", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("timeout", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
    op.create_table(
        "dead_property",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("namespace", sa.Text, primary_key=True),
        sa.Column("local", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "favourite",
        sa.Column("space", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
    )
    op.create_index("favourite_node", "favourite", ["space", "node"])
    op.create_table(
        "upload",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("space", sa.Text, nullable=False),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.Column("checksums", sa.Text, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("extra", sa.Text, nullable=False),
        sa.UniqueConstraint("owner", "dialect", "key", name="upload_key"),
    )
    op.create_index("upload_expires", "upload", ["expires"])
