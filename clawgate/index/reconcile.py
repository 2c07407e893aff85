"""Making the index agree with what a storage shows. The functions run in a database thread, inside a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import attrs

from ..model.node import ALIKE, Identity, Node, set_back
from ..model.path import Path
from ..state.engine import Connection
from . import namesakes, rows
from .matching import arrived, etag_of, is_same, likely, written
from .row import Row

MANY = 50
"""From so many nodes on, asking for all rows of a folder costs less than asking for each."""


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
        return rows.New(node, identity.id, identity.own, etag_of(node, identity.own))

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
            if row.gone and (not is_same(row, node, identity) or (present is not None and row.no == present.no)):
                rows.discard(self.connection, row)
            elif present is None or row.no != present.no:
                found.append(row)
        if identity.own.startswith(ALIKE) and not identity.kept:
            return likely(found, identity)
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
            etag = etag_of(node, identity.own)
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
                    found = namesakes.of_changed(self.connection, self.news.space, row, node, identity)
                    self.outcome.namesakes.extend(found)
            if row.own != identity.own:
                self.part(row)
        self.check(row, node, identity)
        rows.renew(self.connection, changed)
        self.outcome.rows.append(changed)

    def part(self, row: Row) -> None:
        """Have the other names looked at of what is not where `row` says any more."""
        self.outcome.namesakes.extend(namesakes.of_departed(self.connection, self.news.space, row))
