"""The statements of the index. Everything here runs in a database thread, inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, cast, delete, func, insert, literal_column, select, update
from sqlalchemy.sql.base import Executable

from ..model.node import Identity, Node
from ..state.engine import Connection
from ..state.prepared import Prepared
from .schema import FOLDERS, GONE, REPLACED, UNLEARNED, change, folder_print, meta, node, scan, space


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

    @property
    def gone(self) -> bool:
        """Whether it is not there any more."""
        return self.parent == GONE


OWN: Any = literal_column("CASE own WHEN '' THEN id ELSE own END").label("own")
COLUMNS = tuple(OWN if name == "own" else getattr(node.c, name) for name in Row._fields)
CLAIMANTS = 8
"""So many names of one file are told apart by where they were; of further ones a rename makes a new one."""

_child = Prepared(
    select(*COLUMNS).where(node.c.parent == bindparam("parent"), node.c.name == bindparam("name")), "parent", "name"
)
_root = Prepared(
    select(*COLUMNS).where(node.c.parent == 0, node.c.name == "", node.c.space == bindparam("space")),
    "space",
)
_children = Prepared(select(*COLUMNS).where(node.c.parent == bindparam("parent")), "parent")
_some_children = Prepared(
    select(*COLUMNS).where(node.c.parent == bindparam("parent")).limit(bindparam("limit")), "parent", "limit"
)
_marks = Prepared(
    select(node.c.name, node.c.seen, node.c.id, node.c.etag, node.c.checksums, node.c.size, node.c.mtime_ns).where(
        node.c.parent == bindparam("parent"), node.c.kind == 1
    ),
    "parent",
)
_folder_names = Prepared(select(node.c.name).where(node.c.parent == bindparam("parent"), FOLDERS), "parent")
_ids = Prepared(select(node.c.name, node.c.id).where(node.c.parent == bindparam("parent")), "parent")
_folders = Prepared(select(*COLUMNS).where(node.c.parent == bindparam("parent"), FOLDERS), "parent")
_by_id = Prepared(select(*COLUMNS).where(node.c.space == bindparam("space"), node.c.id == bindparam("id")), "space", "id")
_by_no = Prepared(select(*COLUMNS).where(node.c.no == bindparam("no")), "no")
_by_own = Prepared(
    select(*COLUMNS)
    .where(node.c.space == bindparam("space"), node.c.own == bindparam("own"), REPLACED)
    .order_by(node.c.no)
    .limit(CLAIMANTS),
    "space",
    "own",
)
_replaced = Prepared(select(node.c.no).where(node.c.space == bindparam("space"), REPLACED).limit(1), "space")
_unlearned = Prepared(
    select(*COLUMNS)
    .where(node.c.space == bindparam("space"), UNLEARNED, node.c.no > bindparam("after"))
    .order_by(node.c.no)
    .limit(bindparam("limit")),
    "space",
    "after",
    "limit",
)
_count_unlearned = Prepared(select(func.count()).where(node.c.space == bindparam("space"), UNLEARNED), "space")

_NEW = ("space", "parent", "name", "kind", "size", "mtime_ns", "seen", "id", "own", "etag", "checksums", "stamp", "learned")
_insert = Prepared(insert(node).values({c: bindparam(c) for c in _NEW}).returning(node.c.no), *_NEW)


def _insert_new(dialect: str) -> Executable:
    insert: Any
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    statement: Executable = insert(node).values({c: bindparam(c) for c in _NEW}).on_conflict_do_nothing()
    return statement


_add = Prepared(_insert_new, *_NEW)
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
_MOVED = ("parent", "name", "size", "mtime_ns", "seen", "own", "etag", "checksums")
_place = Prepared(
    update(node).where(node.c.no == bindparam("row")).values({c: bindparam(f"to_{c}") for c in _MOVED}),
    *[f"to_{c}" for c in _MOVED],
    "row",
)
_orphan = Prepared(
    update(node)
    .where(node.c.no == bindparam("row"))
    .values(parent=GONE, name=cast(node.c.no, Text), mtime_ns=bindparam("at"), seen=cast(node.c.parent, Text)),
    "at",
    "row",
)
_discard = Prepared(
    update(node).where(node.c.no == bindparam("row")).values(id=node.c.id + "." + cast(node.c.no, Text), own="", mtime_ns=0),
    "row",
)
_delete = Prepared(delete(node).where(node.c.no == bindparam("row")), "row")
_CHANGE = ("space", "node", "parent", "kind", "at", "name", "id")
_log = Prepared(
    insert(change).values({c: bindparam(c) for c in _CHANGE}).returning(change.c.seq),
    *_CHANGE,
)
_space = Prepared(select(space.c.no).where(space.c.id == bindparam("id")), "id")
_space_ids = Prepared(select(space.c.id).order_by(space.c.id))
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


def meta_of(connection: Connection, key: str) -> str | None:
    """What is noted under `key`."""
    row = _meta.one(connection, key)
    return None if row is None else str(row[0])


def new_meta(connection: Connection, key: str, value: str) -> None:
    """Note something under a key that is not there yet."""
    _new_meta.run(connection, key, value)


def space_no(connection: Connection, id: str) -> int:
    """The number of a space, given out at the first call."""
    row = _space.one(connection, id) or _new_space.one(connection, id)
    assert row is not None
    return int(row[0])


def space_no_of(connection: Connection, id: str) -> int | None:
    """The number of a space; None if it was never opened."""
    row = _space.one(connection, id)
    return None if row is None else int(row[0])


def space_ids(connection: Connection) -> list[str]:
    """The ids of all spaces that were ever opened."""
    return [str(row[0]) for row in _space_ids.all(connection)]


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


def some_children(connection: Connection, parent: int, limit: int) -> list[Row]:
    """Up to `limit` of the children."""
    return list(map(Row._make, _some_children.all(connection, parent, limit)))


class Known(NamedTuple):
    """What is known of the children of a folder, as little as a comparison needs: that is half of the time of large listings."""

    files: list[tuple[str, str, str, str, str, int, int]]
    """Name, seen, id, etag, checksums, size, mtime_ns."""
    folders: list[Row]


def known(connection: Connection, parent: int) -> Known:
    """The children of a folder, for a comparison with a scan."""
    files: Any = _marks.all(connection, parent)
    return Known(files, [*map(Row._make, _folders.all(connection, parent))])


def ids(connection: Connection, parent: int) -> dict[str, str]:
    """The ids of all children by name."""
    return dict(_ids.all(connection, parent))


def folder_names(connection: Connection, parent: int) -> list[str]:
    """The names of all folders in a folder, sorted."""
    return sorted([name for (name,) in _folder_names.all(connection, parent)])


def by_id(connection: Connection, space: int, id: str) -> Row | None:
    """The row with this id, wherever it is."""
    return _row(_by_id.one(connection, space, id))


def by_no(connection: Connection, no: int) -> Row | None:
    """The row with this number."""
    return _row(_by_no.one(connection, no))


def path_of(connection: Connection, row: Row) -> str | None:
    """The path of a row; None if it or a folder above it is gone."""
    names: list[str] = []
    at: Row | None = row
    while at is not None and at.parent != 0:
        names.append(at.name)
        at = _row(_by_no.one(connection, at.parent)) if at.parent != GONE else None
    return None if at is None else "/".join(reversed(names))


def claimants(connection: Connection, space: int, identity: Identity) -> list[Row]:
    """Rows, also of what is gone, that may be the node which the storage knows by `identity`: those with its id, and those of its
    inode, which have other ids if they are further names of it or if the storage cannot keep ids."""
    first = _by_id.one(connection, space, identity.id)
    found = [] if first is None else [Row._make(first)]
    return found + [row for row in map(Row._make, _by_own.all(connection, space, identity.own)) if row.id != identity.id]


def lineage(connection: Connection, no: int) -> list[Row]:
    """The rows from `no` up to the root, `no` first; ends early at what is gone."""
    chain: list[Row] = []
    while no > 0:
        row = _row(_by_no.one(connection, no))
        if row is None:
            break
        chain.append(row)
        no = row.parent
    return chain


def unlearned(connection: Connection, space: int, after: int, limit: int) -> list[Row]:
    """Folders whose children were never seen, with numbers above `after`, in their order; also such that are gone."""
    return list(map(Row._make, _unlearned.all(connection, space, after, limit)))


def count_unlearned(connection: Connection, space: int) -> int:
    """How many of these there are."""
    row = _count_unlearned.one(connection, space)
    assert row is not None
    return int(row[0])


class New(NamedTuple):
    """A node to be entered; the fields are those of `Row`."""

    node: Node
    id: str
    own: str
    etag: str
    learned: int = 0

    def values(self) -> tuple[Any, ...]:
        """The values from ``kind`` to ``learned``; a new row has no stamp of its own yet."""
        # A tree that is learned has a million of them.
        _, kind, size, mtime_ns, seen, _, _, checksums = self.node
        own = "" if self.own == self.id else self.own
        return (int(kind), size if self.etag else 0, mtime_ns, seen, self.id, own, self.etag, checksums, 0, self.learned)


def _own(own: str, id: str) -> str:
    """As it is written down; `OWN` reads it."""
    return "" if own == id else own


def add(connection: Connection, space: int, parent: int, new: New) -> Row:
    """Insert a row; the tree sizes above are the caller's."""
    values = new.values()
    made = _insert.one(connection, space, parent, new.node.name, *values)
    assert made is not None
    return Row(made[0], parent, new.node.name, *values)._replace(own=new.own)


def add_many(connection: Connection, space: int, parent: int, news: Sequence[New]) -> int:
    """Insert many rows at once, without those whose name or id is taken; returns how many were inserted."""
    return _add.many(connection, [(space, parent, new.node.name, *new.values()) for new in news])


def replaced(connection: Connection, space: int, owns: Sequence[str]) -> set[str]:
    """Which of `owns` are inodes of nodes that have other ids."""
    found: set[str] = set()
    if _replaced.one(connection, space) is not None:
        for own in owns:
            if _by_own.one(connection, space, own) is not None:
                found.add(own)
    return found


def renew(connection: Connection, row: Row) -> None:
    """Write the facts of `row` as they are now."""
    own = _own(row.own, row.id)
    _update.run(connection, row.size, row.mtime_ns, row.seen, own, row.etag, row.checksums, row.stamp, row.no)


def confirm(connection: Connection, no: int, mtime_ns: int, seen: str, learned: bool) -> None:
    """Note what a storage says of a folder itself, which moves no etag."""
    _confirm.run(connection, mtime_ns, seen, int(learned), no)


def raise_chain(connection: Connection, chain: Sequence[int], stamp: int, delta: int) -> None:
    """Give all folders of `chain` the new `stamp` (0: keep theirs) and let their sizes grow by `delta` bytes."""
    if stamp:
        _raise.many(connection, [(stamp, delta, no) for no in chain])
    elif delta:
        _grow.many(connection, [(delta, no) for no in chain])


def place(connection: Connection, row: Row) -> None:
    """Put a row, and with it everything below, where `row` now says, with the facts that it has there."""
    own = _own(row.own, row.id)
    facts = (row.parent, row.name, row.size, row.mtime_ns, row.seen, own, row.etag, row.checksums)
    _place.run(connection, *facts, row.no)


def remove(connection: Connection, row: Row, at_ns: int) -> None:
    """Take a row away, with all that is below; it is still found by its id until it is swept (`sweeping`).

    `at_ns` is when it vanished (nanoseconds since 1970); 0: it will not turn up again.
    """
    if at_ns or row.kind == 2:
        _orphan.run(connection, at_ns, row.no)
    else:
        _delete.run(connection, row.no)


def discard(connection: Connection, row: Row) -> None:
    """Let what is gone not be found by its id any more."""
    _discard.run(connection, row.no)


def log(connection: Connection, space: int, no: int, parent: int, kind: str, at: int, name: str, id: str = "") -> int:
    """Write one change into the journal (`at`: Unix seconds); returns its number.

    `kind`: ``create``, ``update``, ``remove``, ``move`` for what came to the folder `parent` from another place or name,
    ``leave`` for what went to one; `name` is what the node is or was called there, with a slash at its end for a folder; `id` is
    that of what was removed.
    """
    row = _log.one(connection, space, no, parent, kind, at, name, id)
    assert row is not None
    return int(row[0])


def drop_space(connection: Connection, space: int) -> None:
    """Delete all rows of a space."""
    nodes = select(node.c.no).where(node.c.space == space, node.c.kind == 2)
    connection.sql.execute(delete(folder_print).where(folder_print.c.node.in_(nodes)))
    connection.sql.execute(delete(scan).where(scan.c.space == space))
    connection.sql.execute(delete(change).where(change.c.space == space))
    connection.sql.execute(delete(node).where(node.c.space == space))


def count(connection: Connection, space: int) -> int:
    """Nodes known of a space."""
    found: Any = connection.sql.execute(select(func.count()).where(node.c.space == space, node.c.parent != GONE)).scalar()
    return int(found)
