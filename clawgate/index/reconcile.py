"""Making the index agree with what a storage shows. The functions run in a database thread, inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import attrs

from ..model.node import ALIKE, Identity, Kind, Node, set_back
from ..model.path import Path
from ..state.engine import Connection
from . import rows
from .entry import FOLDER, file_etag
from .row import Row
from .rows import Known
from .schema import GONE

BELOW = 1000
"""Of so many files below a folder that is gone it is asked whether they have other names."""
ALIKES = 3
"""Of more files with the same content nobody can say which one was moved, and there is no looking at them all."""
MANY = 50
"""From so many nodes on, asking for all rows of a folder costs less than asking for each."""


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
        name, kind, size, _, seen, _, _, _ = node
        if kind is file:
            row = files.get(name)
            # Times have ticks, in which a file can grow after somebody looked.
            if row is not None and row[1] == seen and row[5] == size:
                # The time of the row: where one call tells of a whole folder, it may not tell the times that files were given.
                append(make(Node, (name, kind, size, row[6], seen, prefix + row[2], row[3], row[4])))
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
    further: bool = False
    """`changed` are further names of files that are known."""
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
    """Nodes not entered because they are known at another place."""
    pins: list[tuple[str, str]]
    """Names and ids that the storage should keep with them."""
    suspects: list[str]
    """Known folders that changed themselves or are back: their own listings may hold news."""
    namesakes: list[Path]
    """Where files that changed have further names: they have changed there as well, and nobody may tell of it."""
    left: list[tuple[int, str]]
    """Numbers of rows, and names, of what others have removed or moved elsewhere."""
    back: list[tuple[int, str]]
    """The same of what had left some place and is here."""
    set_back: list[float]
    """By how many seconds the time of change of known inodes went back: restored snapshots do that, and clocks."""


def apply(connection: Connection, news: News) -> Outcome:
    """Enter `news`: rows, sizes, journal and the stamps of all folders above, in this one transaction."""
    return _Entering(connection, news).run()


class _Entering:
    def __init__(self, connection: Connection, news: News) -> None:
        self.connection = connection
        self.news = news
        self.parent = news.chain[0]
        self.loud = news.learned or news.ours
        self.outcome = Outcome(0, 0, [], [], [], [], [], [], [], [], [])
        self.stamp = 0
        self.delta = 0
        self.folder = str(self.parent)

    def run(self) -> Outcome:
        news = self.news
        known: Mapping[str, Row]
        first = not self.loud and (news.folder is not None or len(news.changed) > MANY)
        if first or len(news.changed) + len(news.vanished) > MANY:
            known = {row.name: row for row in rows.children(self.connection, self.parent)}
        else:
            names = [*(node.name for node, _ in news.changed), *news.vanished]
            found = [news.known.get(name) or rows.child(self.connection, self.parent, name) for name in names]
            known = {row.name: row for row in found if row is not None}
        for name in news.vanished:
            if row := known.get(name):
                self.remove(row)
                self.outcome.removed.append(name)
            elif news.ours and not news.learned:
                # Nobody was told of it; but whoever has read the folder meanwhile must know that something happened. Of one that
                # is learned somebody has seen already that it is gone.
                self.log(0, "remove", name)
        changed = news.changed
        if first:
            changed = self.learn(known)
        for node, identity in changed:
            self.enter(node, identity, known.get(node.name))
        if news.folder is not None:
            rows.confirm(self.connection, self.parent, news.folder.mtime_ns, news.folder.seen, True)
        rows.raise_chain(self.connection, news.chain, self.stamp, self.delta)
        return self.outcome._replace(stamp=self.stamp, delta=self.delta)

    def learn(self, known: Mapping[str, Row]) -> list[tuple[Node, Identity]]:
        """Enter, all at once, what a first look at the folder shows; returns what needs more thought."""
        changed = self.news.changed
        connection, space = self.connection, self.news.space
        taken = rows.replaced(connection, space, [identity.own for _, identity in changed if identity.id == identity.own])
        plain: list[rows.New] = []
        rest: list[tuple[Node, Identity]] = []
        # In the order of names, in which they will be read: rows that are asked for together then lie together.
        for node, identity in sorted(changed):
            if node.name in known or identity.own in taken:
                rest.append((node, identity))
            else:
                plain.append(self.new(node, identity))
        entered = plain
        if plain and rows.add_many(connection, space, self.parent, plain) < len(plain):
            # Some are known at other places, or twice in this one.
            there = rows.ids(connection, self.parent)
            entered = [new for new in plain if there.get(new.node.name) == new.id]
            names = {new.node.name for new in entered}
            rest = [(node, identity) for node, identity in sorted(changed) if node.name not in names]
        # Only files have etags of their own.
        self.delta += sum([new.node.size for new in entered if new.etag])
        return rest

    def new(self, node: Node, identity: Identity) -> rows.New:
        if node.is_folder:
            return rows.New(node, identity.id, identity.own, "", int(self.news.empty))
        if identity.checksums and not node.checksums:
            node = node._replace(checksums=identity.checksums)
        return rows.New(node, identity.id, identity.own, _etag(node, identity.own))

    def log(self, no: int, kind: str, name: str, id: str = "") -> None:
        if self.loud:
            self.stamp = rows.log(self.connection, self.news.space, no, self.parent, kind, self.news.at, name, id)

    def remove(self, row: Row) -> None:
        rows.remove(self.connection, row, 0 if self.news.ours else self.news.at * 1_000_000_000)
        self.delta -= row.size
        self.part(row)
        if not self.news.ours:
            self.outcome.left.append((row.no, row.name))
        self.log(row.no, "remove", written(row), row.id)

    def enter(self, node: Node, identity: Identity, row: Row | None) -> None:
        same = row is not None and row.kind == node.kind and (row.own == identity.own or not node.is_folder)
        if row is not None and same and not self.comes_from_elsewhere(node, identity, row):
            self.renew(row, node, identity)
            return
        if row is not None:
            self.remove(row)
        claimants = self.claimants(node, identity, row)
        if not claimants:
            made = rows.add(self.connection, self.news.space, self.parent, self.new(node, identity))
            self.delta += made.size
            self.log(made.no, "create", written(made))
            self.outcome.rows.append(made)
        elif all(claimant.gone for claimant in claimants):
            self.revive(claimants[0], node, identity)
        else:
            self.outcome.clashes.append((node, identity))

    def comes_from_elsewhere(self, node: Node, identity: Identity, row: Row) -> bool:
        """Whether `node` replaces `row` and was at another place before, and not just beside it, as editors have it that write
        under another name first: then the name keeps its id."""
        if row.id == identity.id or row.own == identity.own or identity.own.startswith(ALIKE):
            return False
        return any(not (other.gone and other.seen == self.folder) for other in self.claimants(node, identity, row))

    def claimants(self, node: Node, identity: Identity, present: Row | None) -> list[Row]:
        """Other rows than `present` that may be this node, which was moved here or is a further name."""
        found: list[Row] = []
        # What bears its id need not be looked for by what it holds.
        sought = identity._replace(own=identity.id) if identity.kept else identity
        for row in rows.claimants(self.connection, self.news.space, sought):
            if self.news.further and row.id != identity.id:
                continue
            if row.gone and (not _is_same(row, node, identity) or (present is not None and row.no == present.no)):
                rows.discard(self.connection, row)
            elif present is None or row.no != present.no:
                found.append(row)
        if identity.own.startswith(ALIKE) and not identity.kept:
            return _likely(found, identity)
        return found

    def revive(self, row: Row, node: Node, identity: Identity) -> None:
        """What had vanished is here."""
        moved = arrived(row, self.parent, node, identity)
        rows.place(self.connection, moved)
        self.delta += moved.size
        # Also in a folder that nobody has listed: it may bear a higher stamp than that.
        self.stamp = rows.log(self.connection, self.news.space, row.no, self.parent, "move", self.news.at, written(moved))
        self.outcome.rows.append(moved)
        self.outcome.back.append((row.no, node.name))
        self.check(row, node, identity)

    def check(self, row: Row, node: Node, identity: Identity) -> None:
        """What follows when `row` turns out to be `node`."""
        if node.is_folder:
            if row.learned:
                self.outcome.suspects.append(node.name)
        elif row.id != identity.id and row.own != identity.own:
            # A second name of the same inode has an id of its own, which the inode must not carry.
            self.outcome.pins.append((node.name, row.id))

    def renew(self, row: Row, node: Node, identity: Identity) -> None:
        seconds = set_back(row.seen, node.seen)
        if seconds > 0 and row.own == identity.own:
            self.outcome.set_back.append(seconds)
        if node.is_folder:
            changed = row._replace(mtime_ns=node.mtime_ns, seen=node.seen)
        else:
            etag = _etag(node, identity.own)
            # Whoever changed the inode may have changed the content, whatever size and time say.
            same = self.news.ours or row.seen == node.seen or row.own != identity.own
            checksums = node.checksums or (identity.checksums if same else "")
            changed = row._replace(
                size=node.size, mtime_ns=node.mtime_ns, seen=node.seen, own=identity.own, etag=etag, checksums=checksums
            )
            self.delta += node.size - row.size
            if etag != row.etag:
                self.log(row.no, "update", row.name)
                changed = changed._replace(stamp=self.stamp)
                if row.own == identity.own and not self.news.ours:
                    self.outcome.namesakes.extend(self.namesakes(row, node, identity))
            if row.own != identity.own:
                self.part(row)
        self.check(row, node, identity)
        rows.renew(self.connection, changed)
        self.outcome.rows.append(changed)

    def part(self, row: Row) -> None:
        """Have the other names looked at of files that are not where `row` says any more: whoever changed one by that name just
        before has changed it there as well. Of a folder with all below, as far as that is little."""
        todo = [row]
        for left in range(BELOW, 0, -1):
            if not todo:
                return
            one = todo.pop()
            if one.kind == Kind.FOLDER:
                todo += rows.some_children(self.connection, one.no, left)
            else:
                self.outcome.namesakes.extend(self.others(one))

    def others(self, row: Row) -> Iterator[Path]:
        """The other places of the file that `row` is."""
        if row.own.startswith(ALIKE):
            return
        for other in rows.claimants(self.connection, self.news.space, Identity(row.own, row.own)):
            if other.no != row.no and other.own == row.own:
                path = rows.path_of(self.connection, other)
                if path is not None:
                    yield Path(path)

    def namesakes(self, row: Row, node: Node, identity: Identity) -> Iterator[Path]:
        """The other places of a file, as far as they are not known to look as this one does."""
        if identity.own.startswith(ALIKE):
            return
        for other in rows.claimants(self.connection, self.news.space, identity):
            if other.no != row.no and other.own == identity.own and other.seen != node.seen:
                path = rows.path_of(self.connection, other)
                if path is not None:
                    yield Path(path)


def _likely(claimants: list[Row], identity: Identity) -> list[Row]:
    """Those of the files with the same content that may be the one with this identity."""
    gone = [row for row in claimants if row.gone]
    same = [row for row in claimants if row.id == identity.id]
    return same or gone or (claimants if len(claimants) <= ALIKES else [])


def written(row: Row) -> str:
    """The name of a row as the journal has it."""
    return f"{row.name}/" if row.kind == FOLDER else row.name


def _is_same(gone: Row, node: Node, identity: Identity) -> bool:
    """Whether what is `gone` can be `node`, which has its id. Where a file system tells inodes apart by nothing but their number,
    that of a removed file may be another one's by now: then time and size must be the same."""
    if gone.kind != node.kind:
        return False
    same = gone.size == node.size and gone.etag == _etag(node, identity.own)
    return not identity.own.startswith("i") or node.is_folder or same


def _etag(node: Node, own: str) -> str:
    """The storage's own etag if it has one."""
    return node.etag or file_etag(own, node.size, node.mtime_ns)


def arrived(row: Row, parent: int, node: Node, identity: Identity | None) -> Row:
    """`row` as it is once it is known to be `node` in the folder `parent`; no `identity`: it is the same inode as before."""
    moved = row._replace(parent=parent, name=node.name, seen=node.seen, mtime_ns=node.mtime_ns)
    if node.is_folder:
        return moved
    own = identity.own if identity is not None else row.own
    etag = _etag(node, own)
    checksums = node.checksums or (identity.checksums if identity is not None else "")
    if etag == row.etag:
        checksums = checksums or row.checksums
    return moved._replace(size=node.size, own=own, etag=etag, checksums=checksums)


def transplant(
    connection: Connection, space: int, id: str, chain: Sequence[int], node: Node, identity: Identity | None, at: int
) -> Row | None:
    """Move the row with `id`, with all below it, into the folder ``chain[0]``, where `node` was found, or to where we moved it
    (then without `identity`).

    Both the old and the new chain of folders get a new stamp. Returns the row as it stands; None if no row has this id, or if the
    folder lies below it: then what is known of the places above is old.
    """
    row = rows.by_id(connection, space, id)
    if row is None or row.no in chain:
        return None
    if identity is None and (row.parent, row.name, row.seen) == (chain[0], node.name, node.seen):
        # Somebody who looked meanwhile has entered it.
        return row
    present = rows.child(connection, chain[0], node.name)
    old = [above.no for above in rows.lineage(connection, row.parent)]
    moved = arrived(row, chain[0], node, identity)
    delta = moved.size
    if present is not None and present.no != row.no:
        rows.remove(connection, present, 0 if identity is None else at * 1_000_000_000)
        rows.log(connection, space, present.no, chain[0], "remove", at, written(present), present.id)
        delta -= present.size
    rows.place(connection, moved)
    if row.parent != GONE and (row.parent, row.name) != (chain[0], node.name):
        rows.log(connection, space, row.no, row.parent, "leave", at, written(row))
    stamp = rows.log(connection, space, row.no, chain[0], "move", at, written(moved))
    rows.raise_chain(connection, old, stamp, -row.size)
    rows.raise_chain(connection, chain, stamp, delta)
    return moved
