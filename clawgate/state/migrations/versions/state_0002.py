"""Parts of uploads in a table of their own; outcomes of finished uploads."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Move the parts of running uploads. Sessions are few: they are carried over in memory."""
    connection = op.get_bind()
    sessions = [dict(row) for row in connection.execute(sa.text("SELECT * FROM upload")).mappings()]
    op.drop_table("upload")
    upload = op.create_table(
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
        sa.Column("checksums", sa.Text, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("finished", sa.SmallInteger, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("extra", sa.Text, nullable=False),
        sa.Column("frees", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("owner", "dialect", "key", name="upload_key"),
    )
    op.create_index("upload_expires", "upload", ["finished", "expires"])
    op.create_index("upload_owner", "upload", ["owner", "finished"])
    op.create_index("upload_space", "upload", ["space", "finished"])
    part = op.create_table(
        "upload_part",
        sa.Column("upload", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("stop", sa.BigInteger, nullable=False),
    )
    op.create_index("upload_part_range", "upload_part", ["upload", "start"])
    for session in sessions:
        for name, start, stop in json.loads(session.pop("parts")):
            connection.execute(sa.insert(part).values(upload=session["id"], name=name, start=start, stop=stop))
        # What `offset` counted before is now the sum of the parts.
        connection.execute(sa.insert(upload).values(session | {"offset": 0, "finished": 0, "result": "", "frees": 0}))
