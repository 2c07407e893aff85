"""Making the index agree with what a storage shows. The functions run in a database thread, inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import attrs

from ..model.node import Identity, Kind, Node
from ..state.engine import Connection
from . import rows
from .entry import file_etag
from .rows import Known, Row


class Comparison(NamedTuple):
    """What a scan of a folder and its rows say about each other."""

    children: list[Node]
    """All children as clients see them; complete only if nothing differs."""
    changed: list[Node]
    """New nodes, and those whose `seen` is another."""
    vanished: list[str]
    """Names that are gone."""


def compare(known: Known, scanned: Sequence[Node], show: Callable[[Row], Node], prefix: str) -> Comparison:
    """Compare a scan with what is `known`; `show` makes a folder's node, `prefix` comes before the ids of files.

    One pass and one tuple a file: it runs over ten thousand of them while a client waits.
    """
    files = {row[0]: row for row in known.files}
    folders = {row.name: row for row in known.folders}
    children: list[Node] = []
    changed: list[Node] = []
    append, make, file = children.append, tuple.__new__, Kind.FILE
    for node in scanned:
        name, kind, size, mtime_ns, seen, _, _, _ = node
        if kind is file:
            row = files.get(name)
            if row is not None and row[1] == seen:
                append(make(Node, (name, kind, size, mtime_ns, seen, prefix + row[2], row[3], row[4])))
                continue
        else:
            folder = folders.get(name)
            if folder is not None and folder.seen == seen:
                append(show(folder))
                continue
        changed.append(node)
    vanished: list[str] = []
    if len(files) + len(folders) != len(children) or changed:
        names = {node.name for node in scanned}
        vanished = [name for name in (*files, *folders) if name not in names]
    return Comparison(children, changed, vanished)


@attrs.frozen
class News:
    """What was learned about the children of one folder."""

    space: int
    chain: tuple[int, ...]
    """Row numbers from the folder up to the root."""
    learned: bool
    """Whether all children were known before: only then is an unknown one new to the world, and moves etags."""
    at: int
    """Unix seconds, for the journal."""
    changed: Sequence[tuple[Node, Identity]] = ()
    vanished: Sequence[str] = ()
    folder: Node | None = None
    """What the storage says of the folder itself; given when `changed` and `vanished` come from a complete scan."""
    ours: bool = False
    """A change that clawgate made itself: it moves etags even in a folder that was never listed."""
    empty: bool = False
    """A new folder among `changed` is known to be empty."""
    known: Mapping[str, Row] = attrs.field(factory=dict)
    """Rows of `changed` and `vanished` that are in memory; those of other names are looked up."""


class Outcome(NamedTuple):
    """What became of `News`."""

    stamp: int
    """Number of the last change; 0: nothing changed, something may have been learned."""
    delta: int
    """By how many bytes the folder has grown."""
    rows: list[Row]
    """Changed and new rows as they are now."""
    removed: list[str]
    clashes: list[tuple[Node, Identity]]
    """Nodes not entered because their id is known at another place."""
    pins: list[tuple[str, str]]
    """Names and ids that the storage should keep with them."""
    suspects: list[str]
    """Known folders that changed themselves: their own listings may hold news."""


def apply(connection: Connection, news: News) -> Outcome:
    """Enter `news`: rows, sizes, journal and the stamps of all folders above, in this one transaction."""
    return _Entering(connection, news).run()


class _Entering:
    def __init__(self, connection: Connection, news: News) -> None:
        self.connection = connection
        self.news = news
        self.parent = news.chain[0]
        self.loud = news.learned or news.ours
        self.outcome = Outcome(0, 0, [], [], [], [], [])
        self.stamp = 0
        self.delta = 0

    def run(self) -> Outcome:
        news = self.news
        known: Mapping[str, Row]
        if len(news.changed) + len(news.vanished) > 50:
            known = {row.name: row for row in rows.children(self.connection, self.parent)}
        else:
            names = [*(node.name for node, _ in news.changed), *news.vanished]
            found = [news.known.get(name) or rows.child(self.connection, self.parent, name) for name in names]
            known = {row.name: row for row in found if row is not None}
        for name in news.vanished:
            if row := known.get(name):
                self.remove(row)
                self.outcome.removed.append(name)
        changed = news.changed
        if news.folder is not None and not self.loud:
            changed = self.learn(known)
        for node, identity in changed:
            self.enter(node, identity, known.get(node.name))
        if news.folder is not None:
            rows.confirm(self.connection, self.parent, news.folder.mtime_ns, news.folder.seen, True)
        rows.raise_chain(self.connection, news.chain, self.stamp, self.delta)
        return self.outcome._replace(stamp=self.stamp, delta=self.delta)

    def learn(self, known: Mapping[str, Row]) -> list[tuple[Node, Identity]]:
        """Enter, all at once, what a first look at the folder shows; returns what needs more thought."""
        taken = rows.taken(self.connection, self.news.space, [identity.id for _, identity in self.news.changed])
        plain: list[rows.New] = []
        rest: list[tuple[Node, Identity]] = []
        # In the order of names, in which they will be read: rows that are asked for together then lie together.
        for node, identity in sorted(self.news.changed):
            if identity.id in taken or node.name in known:
                rest.append((node, identity))
                continue
            taken.add(identity.id)
            plain.append(self.new(node, identity))
            self.delta += 0 if node.is_folder else node.size
        rows.add_many(self.connection, self.news.space, self.parent, plain)
        return rest

    def new(self, node: Node, identity: Identity) -> rows.New:
        etag = "" if node.is_folder else file_etag(identity.own, node.size, node.mtime_ns)
        named = node._replace(checksums=node.checksums or identity.checksums)
        return rows.New(named, identity.id, identity.own, etag, int(node.is_folder and self.news.empty))

    def log(self, no: int, kind: str) -> None:
        if self.loud:
            self.stamp = rows.log(self.connection, self.news.space, no, self.parent, kind, self.news.at)

    def remove(self, row: Row) -> None:
        rows.remove(self.connection, row)
        self.delta -= row.size
        self.log(row.no, "remove")

    def enter(self, node: Node, identity: Identity, row: Row | None) -> None:
        if row is not None and row.kind == node.kind and (row.own == identity.own or not node.is_folder):
            elsewhere = row.id != identity.id and row.own != identity.own and self.holder(identity.id)
            if not elsewhere:
                self.renew(row, node, identity)
                return
        if row is not None:
            self.remove(row)
        if self.holder(identity.id):
            self.outcome.clashes.append((node, identity))
            return
        made = rows.add(self.connection, self.news.space, self.parent, self.new(node, identity))
        self.delta += made.size
        self.log(made.no, "create")
        self.outcome.rows.append(made)

    def holder(self, id: str) -> Row | None:
        return rows.by_id(self.connection, self.news.space, id)

    def renew(self, row: Row, node: Node, identity: Identity) -> None:
        if node.is_folder:
            changed = row._replace(mtime_ns=node.mtime_ns, seen=node.seen)
            if row.learned:
                self.outcome.suspects.append(node.name)
        else:
            etag = file_etag(identity.own, node.size, node.mtime_ns)
            checksums = node.checksums or identity.checksums
            changed = row._replace(
                size=node.size, mtime_ns=node.mtime_ns, seen=node.seen, own=identity.own, etag=etag, checksums=checksums
            )
            self.delta += node.size - row.size
            if etag != row.etag:
                self.log(row.no, "update")
                changed = changed._replace(stamp=self.stamp)
            # A second name of the same inode has an id of its own, which the inode must not carry.
            if row.id != identity.id and row.own != identity.own:
                self.outcome.pins.append((node.name, row.id))
        rows.renew(self.connection, changed)
        self.outcome.rows.append(changed)


def transplant(connection: Connection, space: int, id: str, chain: Sequence[int], node: Node, at: int) -> Row | None:
    """Move the row with `id`, with all below it, to where `node` was found: in the folder ``chain[0]``.

    Both the old and the new chain of folders get a new stamp. Returns the row as it stands; None if no row has this id.
    """
    row = rows.by_id(connection, space, id)
    if row is None:
        return None
    present = rows.child(connection, chain[0], node.name)
    old = rows.lineage(connection, row.parent)
    delta = row.size
    if present is not None and present.no != row.no:
        rows.remove(connection, present)
        delta -= present.size
    rows.place(connection, row, chain[0], node)
    stamp = rows.log(connection, space, row.no, chain[0], "move", at)
    rows.raise_chain(connection, old, stamp, -row.size)
    rows.raise_chain(connection, chain, stamp, delta)
    return row._replace(parent=chain[0], name=node.name, seen=node.seen, mtime_ns=node.mtime_ns)
