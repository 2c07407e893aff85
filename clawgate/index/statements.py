"""The statements by which `rows` reads and writes nodes, changes and spaces."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text, bindparam, cast, delete, func, insert, literal_column, select, update
from sqlalchemy.sql.base import Executable

from ..state.prepared import Prepared
from . import schema
from .row import Row
from .schema import GONE, change, meta, node, space

OWN: Any = literal_column("CASE own WHEN '' THEN id ELSE own END").label("own")
COLUMNS = tuple(OWN if name == "own" else getattr(node.c, name) for name in Row._fields)
CLAIMANTS = 8
"""So many names of one file are told apart by where they were; of further ones a rename makes a new one."""

CHILD = Prepared(select(*COLUMNS).where(node.c.parent == bindparam("parent"), node.c.name == bindparam("name")), "parent", "name")
ROOT = Prepared(
    select(*COLUMNS).where(node.c.parent == 0, node.c.name == "", node.c.space == bindparam("space")),
    "space",
)
CHILDREN = Prepared(select(*COLUMNS).where(node.c.parent == bindparam("parent")), "parent")
SOME_CHILDREN = Prepared(
    select(*COLUMNS).where(node.c.parent == bindparam("parent")).limit(bindparam("limit")), "parent", "limit"
)
MARKS = Prepared(
    select(node.c.name, node.c.seen, node.c.id, node.c.etag, node.c.checksums, node.c.size, node.c.mtime_ns).where(
        node.c.parent == bindparam("parent"), node.c.kind == 1
    ),
    "parent",
)
FOLDER_NAMES = Prepared(select(node.c.name).where(node.c.parent == bindparam("parent"), schema.FOLDERS), "parent")
IDS = Prepared(select(node.c.name, node.c.id).where(node.c.parent == bindparam("parent")), "parent")
FOLDERS = Prepared(select(*COLUMNS).where(node.c.parent == bindparam("parent"), schema.FOLDERS), "parent")
BY_ID = Prepared(select(*COLUMNS).where(node.c.space == bindparam("space"), node.c.id == bindparam("id")), "space", "id")
BY_NO = Prepared(select(*COLUMNS).where(node.c.no == bindparam("no")), "no")
BY_OWN = Prepared(
    select(*COLUMNS)
    .where(node.c.space == bindparam("space"), node.c.own == bindparam("own"), schema.REPLACED)
    .order_by(node.c.no)
    .limit(CLAIMANTS),
    "space",
    "own",
)
REPLACED = Prepared(select(node.c.no).where(node.c.space == bindparam("space"), schema.REPLACED).limit(1), "space")
UNLEARNED = Prepared(
    select(*COLUMNS)
    .where(node.c.space == bindparam("space"), schema.UNLEARNED, node.c.no > bindparam("after"))
    .order_by(node.c.no)
    .limit(bindparam("limit")),
    "space",
    "after",
    "limit",
)
COUNT_UNLEARNED = Prepared(select(func.count()).where(node.c.space == bindparam("space"), schema.UNLEARNED), "space")

_NEW = ("space", "parent", "name", "kind", "size", "mtime_ns", "seen", "id", "own", "etag", "checksums", "stamp", "learned")
INSERT = Prepared(insert(node).values({c: bindparam(c) for c in _NEW}).returning(node.c.no), *_NEW)


def _insert_new(dialect: str) -> Executable:
    insert: Any
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    statement: Executable = insert(node).values({c: bindparam(c) for c in _NEW}).on_conflict_do_nothing()
    return statement


ADD = Prepared(_insert_new, *_NEW)
_FACTS = ("size", "mtime_ns", "seen", "own", "etag", "checksums", "stamp")
UPDATE = Prepared(
    update(node).where(node.c.no == bindparam("row")).values({c: bindparam(c) for c in _FACTS}),
    *_FACTS,
    "row",
)
CONFIRM = Prepared(
    update(node)
    .where(node.c.no == bindparam("row"))
    .values(mtime_ns=bindparam("mtime_ns"), seen=bindparam("seen"), learned=bindparam("learned")),
    "mtime_ns",
    "seen",
    "learned",
    "row",
)
RAISE = Prepared(
    update(node).where(node.c.no == bindparam("row")).values(stamp=bindparam("stamp"), size=node.c.size + bindparam("delta")),
    "stamp",
    "delta",
    "row",
)
GROW = Prepared(
    update(node).where(node.c.no == bindparam("row")).values(size=node.c.size + bindparam("delta")),
    "delta",
    "row",
)
_MOVED = ("parent", "name", "size", "mtime_ns", "seen", "own", "etag", "checksums")
PLACE = Prepared(
    update(node).where(node.c.no == bindparam("row")).values({c: bindparam(f"to_{c}") for c in _MOVED}),
    *[f"to_{c}" for c in _MOVED],
    "row",
)
ORPHAN = Prepared(
    update(node)
    .where(node.c.no == bindparam("row"))
    .values(parent=GONE, name=cast(node.c.no, Text), mtime_ns=bindparam("at"), seen=cast(node.c.parent, Text)),
    "at",
    "row",
)
DISCARD = Prepared(
    update(node).where(node.c.no == bindparam("row")).values(id=node.c.id + "." + cast(node.c.no, Text), own="", mtime_ns=0),
    "row",
)
DELETE = Prepared(delete(node).where(node.c.no == bindparam("row")), "row")
_CHANGE = ("space", "node", "parent", "kind", "at", "name", "id")
LOG = Prepared(
    insert(change).values({c: bindparam(c) for c in _CHANGE}).returning(change.c.seq),
    *_CHANGE,
)
SPACE = Prepared(select(space.c.no).where(space.c.id == bindparam("id")), "id")
SPACE_IDS = Prepared(select(space.c.id).order_by(space.c.id))
SPACES_AFTER = Prepared(
    select(space.c.no, space.c.id).where(space.c.no > bindparam("after")).order_by(space.c.no).limit(bindparam("most")),
    "after",
    "most",
)
NEW_SPACE = Prepared(insert(space).values(id=bindparam("id")).returning(space.c.no), "id")
META = Prepared(select(meta.c.value).where(meta.c.key == bindparam("key")), "key")
NEW_META = Prepared(insert(meta).values(key=bindparam("key"), value=bindparam("value")), "key", "value")
