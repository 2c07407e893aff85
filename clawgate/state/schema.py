"""The tables of the state. A change here needs a revision in ``migrations/versions`` and a new `SCHEMA` head."""

from __future__ import annotations

import os

from sqlalchemy import BigInteger, Column, Double, Index, MetaData, SmallInteger, Table, Text, UniqueConstraint

from .engine import Schema

metadata = MetaData()

lock = Table(
    "lock",
    metadata,
    Column("token", Text, primary_key=True),
    Column("space", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("deep", SmallInteger, nullable=False),
    Column("exclusive", SmallInteger, nullable=False),
    Column("owner_xml", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("timeout", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
)

dead_property = Table(
    "dead_property",
    metadata,
    Column("space", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("local", Text, primary_key=True),
    # The XML text of the whole element.
    Column("value", Text, nullable=False),
)

favourite = Table(
    "favourite",
    metadata,
    Column("space", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Index("favourite_node", "space", "node"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("handle", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger),
    Column("offset", BigInteger, nullable=False),
    # Blank-separated ALGORITHM:hex
    Column("checksums", Text, nullable=False),
    Column("mtime_ns", BigInteger),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("finished", SmallInteger, nullable=False),
    Column("result", Text, nullable=False),
    # JSON object; belongs to the dialect.
    Column("extra", Text, nullable=False),
    Column("frees", BigInteger, nullable=False),
    UniqueConstraint("owner", "dialect", "key", name="upload_key"),
    Index("upload_expires", "finished", "expires"),
    Index("upload_owner", "owner", "finished"),
    Index("upload_space", "space", "finished"),
)

upload_part = Table(
    "upload_part",
    metadata,
    Column("upload", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("stop", BigInteger, nullable=False),
    Index("upload_part_range", "upload", "start"),
)

attempts = Table(
    "attempts",
    metadata,
    # Stands for the name that was typed; empty: the network as a whole.
    Column("user_id", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("failures", BigInteger, nullable=False),
    Column("last", Double, nullable=False),
    Column("good", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Index("attempts_expires", "expires"),
)

SCHEMA = Schema(
    metadata=metadata,
    migrations=os.path.join(os.path.dirname(__file__), "migrations"),
    head="0003",
    version_table="state_version",
)
