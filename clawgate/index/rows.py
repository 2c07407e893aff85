"""The statements of the index. Everything here runs in a database thread, inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, cast, delete, func, insert, select, update

from ..model.node import Node
from ..state.engine import Connection
from ..state.prepared import Prepared
from .schema import FOLDERS, GONE, UNLEARNED, change, meta, node, space


class Row(NamedTuple):
    """One row of ``index_node``, in the order of `COLUMNS`."""

    no: int
    parent: int
    name: str
    kind: int
    size: int
    """Folders: the sum of all files below as far as learned."""
    mtime_ns: int
    seen: str
    id: str
    own: str
    etag: str
    """Files only."""
    checksums: str
    stamp: int
    learned: int


COLUMNS = tuple(getattr(node.c, name) for name in Row._fields)

_child = Prepared(
    select(*COLUMNS).where(node.c.parent == bindparam("parent"), node.c.name == bindparam("name")), "parent", "name"
)
_root = Prepared(
    select(*COLUMNS).where(node.c.parent == 0, node.c.name == "", node.c.space == bindparam("space")),
    "space",
)
_children = Prepared(select(*COLUMNS).where(node.c.parent == bindparam("parent")), "parent")
_marks = Prepared(
    select(node.c.name, node.c.seen, node.c.id, node.c.etag, node.c.checksums).where(
        node.c.parent == bindparam("parent"), node.c.kind == 1
    ),
    "parent",
)
_folders = Prepared(select(*COLUMNS).where(node.c.parent == bindparam("parent"), FOLDERS), "parent")
_by_id = Prepared(select(*COLUMNS).where(node.c.space == bindparam("space"), node.c.id == bindparam("id")), "space", "id")
_by_no = Prepared(select(*COLUMNS).where(node.c.no == bindparam("no")), "no")
_unlearned = Prepared(
    select(*COLUMNS).where(node.c.space == bindparam("space"), UNLEARNED, node.c.parent != GONE).limit(bindparam("limit")),
    "space",
    "limit",
)

_NEW = ("space", "parent", "name", "kind", "size", "mtime_ns", "seen", "id", "own", "etag", "checksums", "stamp", "learned")
_insert = Prepared(insert(node).values({c: bindparam(c) for c in _NEW}).returning(node.c.no), *_NEW)
_add = Prepared(insert(node).values({c: bindparam(c) for c in _NEW}), *_NEW)
_FACTS = ("size", "mtime_ns", "seen", "own", "etag", "checksums", "stamp")
_update = Prepared(
    update(node).where(node.c.no == bindparam("row")).values({c: bindparam(c) for c in _FACTS}),
    *_FACTS,
    "row",
)
_confirm = Prepared(
    update(node)
    .where(node.c.no == bindparam("row"))
    .values(mtime_ns=bindparam("mtime_ns"), seen=bindparam("seen"), learned=bindparam("learned")),
    "mtime_ns",
    "seen",
    "learned",
    "row",
)
_raise = Prepared(
    update(node).where(node.c.no == bindparam("row")).values(stamp=bindparam("stamp"), size=node.c.size + bindparam("delta")),
    "stamp",
    "delta",
    "row",
)
_grow = Prepared(
    update(node).where(node.c.no == bindparam("row")).values(size=node.c.size + bindparam("delta")),
    "delta",
    "row",
)
_place = Prepared(
    update(node)
    .where(node.c.no == bindparam("row"))
    .values(parent=bindparam("to_parent"), name=bindparam("to_name"), seen=bindparam("seen"), mtime_ns=bindparam("mtime_ns")),
    "to_parent",
    "to_name",
    "seen",
    "mtime_ns",
    "row",
)
_orphan = Prepared(update(node).where(node.c.no == bindparam("row")).values(parent=GONE, name=cast(node.c.no, Text)), "row")
_orphan_folders = Prepared(
    update(node).where(node.c.parent == bindparam("under"), FOLDERS).values(parent=GONE, name=cast(node.c.no, Text)),
    "under",
)
_delete = Prepared(delete(node).where(node.c.no == bindparam("row")), "row")
_delete_under = Prepared(delete(node).where(node.c.parent == bindparam("under")), "under")
_gone = Prepared(select(node.c.no).where(node.c.parent == GONE).limit(bindparam("limit")), "limit")
_log = Prepared(
    insert(change).values({c: bindparam(c) for c in ("space", "node", "parent", "kind", "at")}).returning(change.c.seq),
    "space",
    "node",
    "parent",
    "kind",
    "at",
)
_forget = Prepared(delete(change).where(change.c.at < bindparam("before")), "before")
_space = Prepared(select(space.c.no).where(space.c.id == bindparam("id")), "id")
_new_space = Prepared(insert(space).values(id=bindparam("id")).returning(space.c.no), "id")
_meta = Prepared(select(meta.c.value).where(meta.c.key == bindparam("key")), "key")
_new_meta = Prepared(insert(meta).values(key=bindparam("key"), value=bindparam("value")), "key", "value")


def _row(values: tuple[Any, ...] | None) -> Row | None:
    return None if values is None else Row._make(values)


def epoch(connection: Connection, fresh: str) -> str:
    """The word that tells this index from any other; `fresh` becomes it in a new one."""
    row = _meta.one(connection, "epoch")
    if row is None:
        _new_meta.run(connection, "epoch", fresh)
        return fresh
    return str(row[0])


def space_no(connection: Connection, id: str) -> int:
    """The number of a space, given out at the first call."""
    row = _space.one(connection, id) or _new_space.one(connection, id)
    assert row is not None
    return int(row[0])


def space_no_of(connection: Connection, id: str) -> int | None:
    """The number of a space; None if it was never opened."""
    row = _space.one(connection, id)
    return None if row is None else int(row[0])


def root(connection: Connection, space: int) -> Row | None:
    """The root folder of a space."""
    return _row(_root.one(connection, space))


def walk(connection: Connection, parent: int, names: Sequence[str]) -> list[Row]:
    """The rows below `parent` along `names`, as far as they exist."""
    found: list[Row] = []
    for name in names:
        row = _child.one(connection, parent, name)
        if row is None:
            break
        found.append(Row._make(row))
        parent = found[-1].no
    return found


def child(connection: Connection, parent: int, name: str) -> Row | None:
    """One child."""
    return _row(_child.one(connection, parent, name))


def children(connection: Connection, parent: int) -> list[Row]:
    """All children, in no order."""
    return list(map(Row._make, _children.all(connection, parent)))


class Known(NamedTuple):
    """What is known of the children of a folder, as little as a comparison needs: that is half of the time of large listings."""

    files: list[tuple[str, str, str, str, str]]
    """Name, seen, id, etag, checksums."""
    folders: list[Row]


def known(connection: Connection, parent: int) -> Known:
    """The children of a folder, for a comparison with a scan."""
    files: Any = _marks.all(connection, parent)
    return Known(files, [*map(Row._make, _folders.all(connection, parent))])


def by_id(connection: Connection, space: int, id: str) -> Row | None:
    """The row with this id, wherever it is."""
    return _row(_by_id.one(connection, space, id))


def path_of(connection: Connection, row: Row) -> str | None:
    """The path of a row; None if it or a folder above it is gone."""
    names: list[str] = []
    at: Row | None = row
    while at is not None and at.parent != 0:
        names.append(at.name)
        at = _row(_by_no.one(connection, at.parent)) if at.parent != GONE else None
    return None if at is None else "/".join(reversed(names))


def lineage(connection: Connection, no: int) -> list[int]:
    """Row numbers from `no` up to the root, `no` first."""
    chain: list[int] = []
    while no > 0:
        row = _by_no.one(connection, no)
        if row is None:
            break
        chain.append(no)
        no = row[1]
    return chain


def unlearned(connection: Connection, space: int, limit: int) -> list[Row]:
    """Folders whose children were never seen."""
    return list(map(Row._make, _unlearned.all(connection, space, limit)))


class New(NamedTuple):
    """A node to be entered; the fields are those of `Row`."""

    node: Node
    id: str
    own: str
    etag: str
    learned: int = 0

    def values(self) -> tuple[Any, ...]:
        """The values from ``kind`` to ``learned``; a new row has no stamp of its own yet."""
        node = self.node
        size = 0 if node.is_folder else node.size
        return (
            int(node.kind), size, node.mtime_ns, node.seen, self.id, self.own, self.etag, node.checksums, 0, self.learned
        )  # fmt: skip


def add(connection: Connection, space: int, parent: int, new: New) -> Row:
    """Insert a row; the tree sizes above are the caller's."""
    values = new.values()
    made = _insert.one(connection, space, parent, new.node.name, *values)
    assert made is not None
    return Row(made[0], parent, new.node.name, *values)


def add_many(connection: Connection, space: int, parent: int, news: Sequence[New]) -> None:
    """Insert many rows at once."""
    _add.many(connection, [(space, parent, new.node.name, *new.values()) for new in news])


def taken(connection: Connection, space: int, ids: Sequence[str]) -> set[str]:
    """Which of `ids` are known somewhere."""
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        some = select(node.c.id).where(node.c.space == space, node.c.id.in_(ids[start : start + 500]))
        found.update(connection.sql.execute(some).scalars())
    return found


def renew(connection: Connection, row: Row) -> None:
    """Write the facts of `row` as they are now."""
    _update.run(connection, row.size, row.mtime_ns, row.seen, row.own, row.etag, row.checksums, row.stamp, row.no)


def confirm(connection: Connection, no: int, mtime_ns: int, seen: str, learned: bool) -> None:
    """Note what a storage says of a folder itself, which moves no etag."""
    _confirm.run(connection, mtime_ns, seen, int(learned), no)


def raise_chain(connection: Connection, chain: Sequence[int], stamp: int, delta: int) -> None:
    """Give all folders of `chain` the new `stamp` (0: keep theirs) and let their sizes grow by `delta` bytes."""
    if stamp:
        _raise.many(connection, [(stamp, delta, no) for no in chain])
    elif delta:
        _grow.many(connection, [(delta, no) for no in chain])


def place(connection: Connection, row: Row, parent: int, node: Node) -> None:
    """Put a row, and with it everything below, under another parent or name."""
    _place.run(connection, parent, node.name, node.seen, node.mtime_ns, row.no)


def remove(connection: Connection, row: Row) -> None:
    """Take a row away. What is below a folder is swept later, see `sweep`."""
    if row.kind == 2:
        _orphan.run(connection, row.no)
    else:
        _delete.run(connection, row.no)


def sweep(connection: Connection, limit: int) -> int:
    """Delete up to `limit` removed folders with their files; their sub-folders are next. Returns how many folders went."""
    gone = _gone.all(connection, limit)
    for (no,) in gone:
        _orphan_folders.run(connection, no)
        _delete_under.run(connection, no)
        _delete.run(connection, no)
    return len(gone)


def log(connection: Connection, space: int, no: int, parent: int, kind: str, at: int) -> int:
    """Write one change into the journal (`at`: Unix seconds); returns its number."""
    row = _log.one(connection, space, no, parent, kind, at)
    assert row is not None
    return int(row[0])


def forget_changes(connection: Connection, before: int) -> int:
    """Drop what the journal knows from before the Unix second `before`."""
    return _forget.run(connection, before)


def drop_space(connection: Connection, space: int) -> None:
    """Delete all rows of a space."""
    connection.sql.execute(delete(node).where(node.c.space == space))


def count(connection: Connection, space: int) -> int:
    """Nodes known of a space."""
    found: Any = connection.sql.execute(select(func.count()).where(node.c.space == space, node.c.parent != GONE)).scalar()
    return int(found)
