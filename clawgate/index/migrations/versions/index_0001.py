"""Spaces, nodes and the journal of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "index_meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "index_space",
        sa.Column("no", number, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "index_node",
        sa.Column("no", number, primary_key=True, autoincrement=True),
        sa.Column("space", number, nullable=False),
        sa.Column("parent", number, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("own", sa.Text, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("checksums", sa.Text, nullable=False),
        sa.Column("stamp", sa.BigInteger, nullable=False),
        sa.Column("learned", sa.SmallInteger, nullable=False),
        sa.UniqueConstraint("parent", "name", "space", name="index_node_place"),
        sqlite_autoincrement=True,
    )
    op.create_index("index_node_id", "index_node", ["space", "id"], unique=True)
    for name, column, which in (
        ("index_node_folders", "parent", sa.text("kind = 2")),
        ("index_node_unlearned", "space", sa.text("kind = 2 AND learned = 0")),
    ):
        op.create_index(name, "index_node", [column], sqlite_where=which, postgresql_where=which)
    op.create_table(
        "index_change",
        sa.Column("seq", number, primary_key=True, autoincrement=True),
        sa.Column("space", number, nullable=False),
        sa.Column("node", number, nullable=False),
        sa.Column("parent", number, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
