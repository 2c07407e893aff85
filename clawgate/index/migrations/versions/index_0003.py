"""The journal tells where what is gone was, and is asked by folder and by space."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Changes from before have no names: whoever asks for them has to begin anew."""
    for name in ("name", "id"):
        op.add_column("index_change", sa.Column(name, sa.Text, nullable=False, server_default=sa.text("''")))
    op.create_index("index_change_space", "index_change", ["space", "seq"])
    op.create_index("index_change_parent", "index_change", ["parent", "seq"])
    last = op.get_bind().execute(sa.text("SELECT COALESCE(MAX(seq), 0) FROM index_change")).scalar() or 0
    table = sa.table("index_meta", sa.column("key"), sa.column("value"))
    op.bulk_insert(table, [{"key": key, "value": str(last)} for key in ("journal_forgotten", "journal_mark")])
