"""Own names that are the id need not be written twice; what the scanner remembers of folders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Ids and etags stay as they are."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.execute("UPDATE index_node SET own = '' WHERE own = id")
    which = sa.text("own <> ''")
    op.create_index("index_node_own", "index_node", ["space", "own"], sqlite_where=which, postgresql_where=which)
    # What was removed before was never to be found again.
    op.execute("UPDATE index_node SET mtime_ns = 0 WHERE parent = -1")
    op.create_table(
        "index_print",
        sa.Column("node", number, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.BigInteger, nullable=False),
        sa.Column("below", sa.Text, nullable=False),
    )
    op.create_table(
        "index_scan",
        sa.Column("space", number, primary_key=True, autoincrement=False),
        sa.Column("began", sa.Float, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("so_far", sa.Text, nullable=False),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("finished", sa.Float, nullable=False),
        sa.Column("folders", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "index_freshness",
        sa.Column("space", number, primary_key=True, autoincrement=False),
        sa.Column("way", sa.String(8), nullable=False),
        sa.Column("entered", sa.Float, nullable=False),
        sa.Column("written", sa.Float, nullable=False),
        sa.Column("waiting", sa.BigInteger, nullable=False),
        sa.Column("idle", sa.SmallInteger, nullable=False),
    )
