"""The tables of the index. They hold nothing that the storages cannot tell again."""

from __future__ import annotations

import os

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, String, Table, Text, UniqueConstraint, text

from ..state.engine import WHERE, Schema

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
    # 0: the root of the space; GONE: it vanished or was removed.
    Column("parent", number, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("seen", Text, nullable=False),
    Column("id", Text, nullable=False),
    # Empty: the same as the id, as it is of all that was never replaced through the gateway.
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
REPLACED = text("own <> ''")
"""Literal, as `UNLEARNED`."""

Index("index_node_folders", node.c.parent, info={WHERE: FOLDERS})
Index("index_node_unlearned", node.c.space, info={WHERE: UNLEARNED})
Index("index_node_own", node.c.space, node.c.own, info={WHERE: REPLACED})

change = Table(
    "index_change",
    metadata,
    # Grows in the order in which changes become visible, because one transaction writes at a time; some numbers are never used.
    Column("seq", number, primary_key=True, autoincrement=True),
    Column("space", number, nullable=False),
    Column("node", number, nullable=False),
    Column("parent", number, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("at", BigInteger, nullable=False),
    # What the node was called in `parent` then: of what is gone nothing else tells where it was.
    Column("name", Text, nullable=False, server_default=text("''")),
    # Of what was removed, which may have no row any more.
    Column("id", Text, nullable=False, server_default=text("''")),
    Index("index_change_space", "space", "seq"),
    Index("index_change_parent", "parent", "seq"),
    sqlite_autoincrement=True,
)

folder_print = Table(
    "index_print",
    metadata,
    # What a folder looked like when all that it holds was entered for the last time, see `interfaces.Glance`.
    Column("node", number, primary_key=True, autoincrement=False),
    Column("fingerprint", BigInteger, nullable=False),
    Column("below", Text, nullable=False),
)

scan = Table(
    "index_scan",
    metadata,
    Column("space", number, primary_key=True, autoincrement=False),
    # The pass that is under way, if any: when it began (Unix seconds; 0: none is), where it is, and what it has come to so far.
    Column("began", sa.Float, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("so_far", Text, nullable=False),
    # The last one that came to its end.
    Column("started", sa.Float, nullable=False),
    Column("finished", sa.Float, nullable=False),
    Column("folders", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
)

freshness = Table(
    "index_freshness",
    metadata,
    Column("space", number, primary_key=True, autoincrement=False),
    # How changes by others are found, see `freshness.Way`.
    Column("way", String(8), nullable=False),
    # Unix seconds: up to when every change is entered (0: never yet), and when this was written.
    Column("entered", sa.Float, nullable=False),
    Column("written", sa.Float, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    # 1: nobody has asked for long, so nobody looks.
    Column("idle", SmallInteger, nullable=False),
)

GONE = -1
"""The parent of what is not there any more. It is found by its id for a while, because it may turn up at another place; its time
is then when it vanished, its `seen` the number of the folder it was in."""

SCHEMA = Schema(
    metadata=metadata,
    migrations=os.path.join(os.path.dirname(__file__), "migrations"),
    head="0003",
    version_table="index_version",
)
