"""What the index asks of its tables. Everything here runs in a database thread, inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select

from ..model.node import Identity, Node
from ..state.engine import Connection
from . import statements
from .row import Row
from .schema import GONE, change, folder_print, node, scan


def _row(values: tuple[Any, ...] | None) -> Row | None:
    return None if values is None else Row._make(values)


def epoch(connection: Connection, fresh: str) -> str:
    """The word that tells this index from any other; `fresh` becomes it in a new one."""
    row = statements.META.one(connection, "epoch")
    if row is None:
        statements.NEW_META.run(connection, "epoch", fresh)
        return fresh
    return str(row[0])


def meta_of(connection: Connection, key: str) -> str | None:
    """What is noted under `key`."""
    row = statements.META.one(connection, key)
    return None if row is None else str(row[0])


def new_meta(connection: Connection, key: str, value: str) -> None:
    """Note something under a key that is not there yet."""
    statements.NEW_META.run(connection, key, value)


def space_no(connection: Connection, id: str) -> int:
    """The number of a space, given out at the first call."""
    row = statements.SPACE.one(connection, id) or statements.NEW_SPACE.one(connection, id)
    assert row is not None
    return int(row[0])


def space_no_of(connection: Connection, id: str) -> int | None:
    """The number of a space; None if it was never opened."""
    row = statements.SPACE.one(connection, id)
    return None if row is None else int(row[0])


def space_ids(connection: Connection) -> list[str]:
    """The ids of all spaces that were ever opened."""
    return [str(row[0]) for row in statements.SPACE_IDS.all(connection)]


def spaces_after(connection: Connection, after: int, most: int) -> list[tuple[int, str]]:
    """Some spaces that were ever opened, with numbers above `after`, in their order: numbers and ids."""
    return [(int(no), str(id)) for no, id in statements.SPACES_AFTER.all(connection, after, most)]


def root(connection: Connection, space: int) -> Row | None:
    """The root folder of a space."""
    return _row(statements.ROOT.one(connection, space))


def walk(connection: Connection, parent: int, names: Sequence[str]) -> list[Row]:
    """The rows below `parent` along `names`, as far as they exist."""
    found: list[Row] = []
    for name in names:
        row = statements.CHILD.one(connection, parent, name)
        if row is None:
            break
        found.append(Row._make(row))
        parent = found[-1].no
    return found


def child(connection: Connection, parent: int, name: str) -> Row | None:
    """One child."""
    return _row(statements.CHILD.one(connection, parent, name))


def children(connection: Connection, parent: int) -> list[Row]:
    """All children, in no order."""
    return list(map(Row._make, statements.CHILDREN.all(connection, parent)))


def some_children(connection: Connection, parent: int, limit: int) -> list[Row]:
    """Up to `limit` of the children."""
    return list(map(Row._make, statements.SOME_CHILDREN.all(connection, parent, limit)))


class Known(NamedTuple):
    """What is known of the children of a folder, as little as a comparison needs: that is half of the time of large listings."""

    files: list[tuple[str, str, str, str, str, int, int]]
    """Name, seen, id, etag, checksums, size, mtime_ns."""
    folders: list[Row]


def known(connection: Connection, parent: int) -> Known:
    """The children of a folder, for a comparison with a scan."""
    files: Any = statements.MARKS.all(connection, parent)
    return Known(files, [*map(Row._make, statements.FOLDERS.all(connection, parent))])


def ids(connection: Connection, parent: int) -> dict[str, str]:
    """The ids of all children by name."""
    return dict(statements.IDS.all(connection, parent))


def folder_names(connection: Connection, parent: int) -> list[str]:
    """The names of all folders in a folder, sorted."""
    return sorted([name for (name,) in statements.FOLDER_NAMES.all(connection, parent)])


def by_id(connection: Connection, space: int, id: str) -> Row | None:
    """The row with this id, wherever it is."""
    return _row(statements.BY_ID.one(connection, space, id))


def by_no(connection: Connection, no: int) -> Row | None:
    """The row with this number."""
    return _row(statements.BY_NO.one(connection, no))


def path_of(connection: Connection, row: Row) -> str | None:
    """The path of a row; None if it or a folder above it is gone."""
    names: list[str] = []
    at: Row | None = row
    while at is not None and at.parent != 0:
        names.append(at.name)
        at = _row(statements.BY_NO.one(connection, at.parent)) if at.parent != GONE else None
    return None if at is None else "/".join(reversed(names))


def claimants(connection: Connection, space: int, identity: Identity) -> list[Row]:
    """Rows, also of what is gone, that may be the node which the storage knows by `identity`: those with its id, and those of its
    inode, which have other ids if they are further names of it or if the storage cannot keep ids."""
    first = statements.BY_ID.one(connection, space, identity.id)
    found = [] if first is None else [Row._make(first)]
    return found + [
        row for row in map(Row._make, statements.BY_OWN.all(connection, space, identity.own)) if row.id != identity.id
    ]


def lineage(connection: Connection, no: int) -> list[Row]:
    """The rows from `no` up to the root, `no` first; ends early at what is gone."""
    chain: list[Row] = []
    while no > 0:
        row = _row(statements.BY_NO.one(connection, no))
        if row is None:
            break
        chain.append(row)
        no = row.parent
    return chain


def unlearned(connection: Connection, space: int, after: int, limit: int) -> list[Row]:
    """Folders whose children were never seen, with numbers above `after`, in their order; also such that are gone."""
    return list(map(Row._make, statements.UNLEARNED.all(connection, space, after, limit)))


def count_unlearned(connection: Connection, space: int) -> int:
    """How many of these there are."""
    row = statements.COUNT_UNLEARNED.one(connection, space)
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
    """As it is written down; `statements.OWN` reads it."""
    return "" if own == id else own


def add(connection: Connection, space: int, parent: int, new: New) -> Row:
    """Insert a row; the tree sizes above are the caller's."""
    values = new.values()
    made = statements.INSERT.one(connection, space, parent, new.node.name, *values)
    assert made is not None
    return Row(made[0], parent, new.node.name, *values)._replace(own=new.own)


def add_many(connection: Connection, space: int, parent: int, news: Sequence[New]) -> int:
    """Insert many rows at once, without those whose name or id is taken; returns how many were inserted."""
    return statements.ADD.many(connection, [(space, parent, new.node.name, *new.values()) for new in news])


def replaced(connection: Connection, space: int, owns: Sequence[str]) -> set[str]:
    """Which of `owns` are inodes of nodes that have other ids."""
    found: set[str] = set()
    if statements.REPLACED.one(connection, space) is not None:
        for own in owns:
            if statements.BY_OWN.one(connection, space, own) is not None:
                found.add(own)
    return found


def renew(connection: Connection, row: Row) -> None:
    """Write the facts of `row` as they are now."""
    own = _own(row.own, row.id)
    statements.UPDATE.run(connection, row.size, row.mtime_ns, row.seen, own, row.etag, row.checksums, row.stamp, row.no)


def confirm(connection: Connection, no: int, mtime_ns: int, seen: str, learned: bool) -> None:
    """Note what a storage says of a folder itself, which moves no etag."""
    statements.CONFIRM.run(connection, mtime_ns, seen, int(learned), no)


def raise_chain(connection: Connection, chain: Sequence[int], stamp: int, delta: int) -> None:
    """Give all folders of `chain` the new `stamp` (0: keep theirs) and let their sizes grow by `delta` bytes."""
    if stamp:
        statements.RAISE.many(connection, [(stamp, delta, no) for no in chain])
    elif delta:
        statements.GROW.many(connection, [(delta, no) for no in chain])


def place(connection: Connection, row: Row) -> None:
    """Put a row, and with it everything below, where `row` now says, with the facts that it has there."""
    own = _own(row.own, row.id)
    facts = (row.parent, row.name, row.size, row.mtime_ns, row.seen, own, row.etag, row.checksums)
    statements.PLACE.run(connection, *facts, row.no)


def remove(connection: Connection, row: Row, at_ns: int) -> None:
    """Take a row away, with all that is below; it is still found by its id until it is swept (`sweeping`).

    `at_ns` is when it vanished (nanoseconds since 1970); 0: it will not turn up again.
    """
    if at_ns or row.kind == 2:
        statements.ORPHAN.run(connection, at_ns, row.no)
    else:
        statements.DELETE.run(connection, row.no)


def discard(connection: Connection, row: Row) -> None:
    """Let what is gone not be found by its id any more."""
    statements.DISCARD.run(connection, row.no)


def log(connection: Connection, space: int, no: int, parent: int, kind: str, at: int, name: str, id: str = "") -> int:
    """Write one change into the journal (`at`: Unix seconds); returns its number.

    `kind`: ``create``, ``update``, ``remove``, ``move`` for what came to the folder `parent` from another place or name,
    ``leave`` for what went to one; `name` is what the node is or was called there, with a slash at its end for a folder; `id` is
    that of what was removed.
    """
    row = statements.LOG.one(connection, space, no, parent, kind, at, name, id)
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
