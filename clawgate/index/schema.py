"""The tables of the index. They hold nothing that the storages cannot tell again."""

from __future__ import annotations

import os

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, String, Table, Text, UniqueConstraint, text

from ..state.engine import Schema

metadata = MetaData()
number = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "index_meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

space = Table(
    "index_space",
    metadata,
    Column("no", number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

node = Table(
    "index_node",
    metadata,
    # Numbers are never used twice: they are part of folder etags.
    Column("no", number, primary_key=True, autoincrement=True),
    Column("space", number, nullable=False),
    # 0: the root of the space; GONE: removed, to be swept with all below it.
    Column("parent", number, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("seen", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("own", Text, nullable=False),
    Column("etag", Text, nullable=False),
    Column("checksums", Text, nullable=False),
    Column("stamp", BigInteger, nullable=False),
    # Folders: whether all children were seen once, so that a child not in here is news.
    Column("learned", SmallInteger, nullable=False),
    UniqueConstraint("parent", "name", "space", name="index_node_place"),
    Index("index_node_id", "space", "id", unique=True),
    sqlite_autoincrement=True,
)

FOLDERS = text("kind = 2")
"""Literal, as `UNLEARNED`."""
UNLEARNED = text("kind = 2 AND learned = 0")
"""Which rows `unlearned` has; literal, because a partial index is only used where its condition stands in these words."""

Index("index_node_folders", node.c.parent, sqlite_where=FOLDERS, postgresql_where=FOLDERS)
Index("index_node_unlearned", node.c.space, sqlite_where=UNLEARNED, postgresql_where=UNLEARNED)

change = Table(
    "index_change",
    metadata,
    Column("seq", number, primary_key=True, autoincrement=True),
    Column("space", number, nullable=False),
    Column("node", number, nullable=False),
    Column("parent", number, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

GONE = -1
"""The parent of removed folders whose rows are still to be swept."""

SCHEMA = Schema(
    metadata=metadata,
    migrations=os.path.join(os.path.dirname(__file__), "migrations"),
    head="0001",
    version_table="index_version",
)
