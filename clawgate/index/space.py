"""The index of one space: look-ups from memory, changes in one transaction with everything that follows from them.

All methods belong to the reactor's thread. The database is only reached while `lock` is held, so what is put into memory is
always what the last transaction left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ..errors import StorageUnavailable
from ..model.node import Identity, Node
from ..model.path import Path, join
from ..mutex import Mutex
from ..state.engine import Connection, Database
from . import comparing, learning, misses, reconcile, rows, transplanting
from .cache import Cache
from .comparing import Comparison
from .departures import Departures
from .disturbances import Disturbances
from .entry import FOLDER, Entry, revisions, to_node
from .learning import Learned, Lesson, Shown
from .misses import Misses
from .reconcile import News, Outcome
from .row import Row
from .tidings import Tidings
from .unbroken import unbroken

T = TypeVar("T")
R = TypeVar("R")

PAGE = 1000
_columns = attrgetter(*Row._fields)


class Compared(NamedTuple):
    """A scan of a folder beside what the index knows of it."""

    folder: Node
    """The folder as clients see it, at `revision`."""
    revision: int
    children: list[Node] | None
    """As clients see them, if nothing differs; None: not read, because nothing changed since the folder's mark was set."""
    changed: list[Node]
    vanished: list[str]
    fingerprint: int
    """Of the scan; for `Entry.mark`."""


class Claimant(NamedTuple):
    """A row that may be a node that was found."""

    id: str
    learned: bool
    path: str | None
    """None: it is not there any more, or a folder above it is not."""
    gone: bool
    """Whether it is itself that is not there any more."""
    seen: str


class SpaceIndex:
    """Ids, etags, sizes and the journal of one space."""

    def __init__(
        self,
        database: Database,
        id: str,
        no: int,
        epoch: str,
        nodes: int,
        now: Callable[[], float] = time.time,
        mark: Callable[[], int] = lambda: 0,
    ) -> None:
        """`no` and `epoch` come from `rows`; `nodes` bounds the entries in memory; `now` gives Unix seconds; `mark` is that of
        `journal.mark`."""
        self.id = id
        self.no = no
        self.epoch = epoch
        self.lock = Mutex()
        self.cache = Cache(nodes)
        self.database = database
        self._now = now
        self.mark = mark
        self.tidings = Tidings()
        self.set_back: Callable[[Sequence[float]], None] | None = None
        """Told by how many seconds times of change went back, see `Outcome.set_back`."""
        self.departures = Departures()
        self.written: Callable[[int, int], None] | None = None
        """Told after every transaction that may have changed something, with the numbers of the last change before it and in it;
        0: nobody knows."""
        self._last = 0
        """The number of the last change, if the cache does not know it."""
        self.disturbances = Disturbances()
        self.misses = Misses()
        self._prefix = f"{id}!"

    def node(self, entry: Entry | Row) -> Node:
        """What clients are shown of `entry`: with the full id and the etag."""
        return to_node(entry, self._prefix, self.epoch)

    def full(self, id: str) -> str:
        """An id as clients are shown it."""
        return self._prefix + id

    async def chain(self, path: Path) -> tuple[list[Entry], list[str]]:
        """The entries from the root down to `path` as far as the index knows them, and the names that are left."""
        chain, names = self.cache.walk(path)
        if chain and not names:
            return chain, names
        async with self.lock:
            return await self.load(path)

    async def load(self, path: Path) -> tuple[list[Entry], list[str]]:
        """As `chain`; the caller holds `lock`."""
        chain, names = self.cache.walk(path)
        if chain and not names:
            return chain, names

        def find(connection: Connection) -> list[Row]:
            if chain:
                return rows.walk(connection, chain[-1].no, names)
            root = rows.root(connection, self.no)
            return [] if root is None else [root, *rows.walk(connection, root.no, names)]

        found = await self.database.read(find)
        rest = names[len(found) - (0 if chain else 1) :] if found else names
        for row in found:
            entry = Entry(row)
            self.cache.put(entry)
            chain.append(entry)
        return chain, rest

    async def make_root(self, node: Node, identity: Identity) -> Entry:
        """The entry of the space's root, entered when it is not known."""
        async with self.lock:
            if self.cache.root is None:

                def enter(connection: Connection) -> Row:
                    row = rows.root(connection, self.no)
                    if row is None:
                        new = rows.New(node._replace(name=""), identity.id, identity.own, "")
                        row = rows.add(connection, self.no, 0, new)
                    return row

                self.cache.put(Entry(await self.database.write(enter)))
            assert self.cache.root is not None
            return self.cache.root

    async def children(self, folder: Entry) -> list[Node]:
        """The children of a folder as the index knows them."""
        async with self.lock:
            found = await self.database.read(lambda connection: rows.children(connection, folder.no))
        return [self.node(row) for row in found]

    async def compare(self, folder: Entry, scanned: Sequence[Node], *, vouched: bool) -> Compared:
        """Compare a scan of `folder` with what is known. The caller holds `lock`.

        `vouched`: the storage will say when the folder changes, so that no fingerprint of the scan is needed.
        """
        revision, mark = folder.revision, folder.mark

        def work(connection: Connection) -> tuple[Comparison | None, int]:
            fingerprint = 0 if vouched else hash(frozenset([(node.name, node.seen, node.size) for node in scanned]))
            if not vouched and mark == (fingerprint, revision):
                return None, fingerprint
            known = rows.known(connection, folder.no)
            return comparing.compare(known, scanned, self.node, self._prefix), fingerprint

        node = self.node(folder)
        found, fingerprint = await self.database.read(work)
        if found is None:
            return Compared(node, revision, None, [], [], fingerprint)
        children = None if found.changed or found.vanished else found.children
        return Compared(node, revision, children, found.changed, found.vanished, fingerprint)

    async def enter(
        self,
        path: Path,
        changed: Sequence[tuple[Node, Identity]],
        vanished: Sequence[str] = (),
        *,
        folder: Node | None = None,
        ours: bool = False,
        empty: bool = False,
        further: bool = False,
        revision: int = 0,
        read: int = 0,
    ) -> Outcome | None:
        """Enter news about children of the folder at `path` (see `News`). The caller holds `lock`.

        None: nothing was entered, because the index does not know the folder (any more), or because the folder is no longer as it
        was at `revision` (0: does not matter) when the news were gathered, so that they may be old. `read`: see `Disturbances`;
        with `folder` only.
        """
        chain, names = await self.load(path)
        if names or not chain:
            return None
        parent = chain[-1]
        if revision and parent.revision != revision:
            return None
        news = News(
            self.no,
            tuple([entry.no for entry in reversed(chain)]),
            bool(parent.learned),
            int(self._now()),
            changed,
            vanished,
            folder=folder,
            ours=ours,
            empty=empty,
            further=further,
            known=self._rows(parent, [node.name for node, _ in changed]) if ours else {},
        )

        def remember(outcome: Outcome) -> Outcome:
            first = folder is not None and not parent.learned
            self._remember(chain, parent.no, outcome, folder)
            if first:
                self._check_overtaken(path, parent.no, read)
            if ours and folder is None:
                parent.mtime_ns = max(parent.mtime_ns, int(self._now() * 1e9))
            self.departures.note(path, outcome)
            for no, name in outcome.left:
                self.misses.departed(join(path, name), no)
            self.tidings.entered(path, changed, outcome, {row.name for row in outcome.rows if row.learned and not ours})
            return outcome

        return await self._write(lambda connection: reconcile.apply(connection, news), remember)

    async def learn(self, shown: Sequence[Shown]) -> list[Outcome | None]:
        """Enter, all together, what folders that nobody has listed yet show (`learning.learn`). The caller holds `lock`."""

        def remember(found: list[Learned | None]) -> list[Outcome | None]:
            for one, learned in zip(shown, found, strict=True):
                if learned is not None:
                    held = [self.cache.get(row.parent, row.name) if row.parent else self.cache.root for row in learned.chain]
                    self._remember(held[::-1], one.lesson.no, learned.outcome, one.folder)
                    if one.lesson.path is not None:
                        self.departures.note(one.lesson.path, learned.outcome)
                        self.tidings.entered(one.lesson.path, one.children, learned.outcome)
                    if one.folder is not None:
                        self._check_overtaken(one.lesson.path, one.lesson.no, one.read)
            return [learned and learned.outcome for learned in found]

        at = int(self._now())
        return await self._write(lambda connection: learning.learn(connection, self.no, at, shown), remember)

    def _remember(self, chain: Sequence[Entry | None], no: int, outcome: Outcome, folder: Node | None) -> None:
        """Note the outcome of news about the folder `no`; `chain` has the entries from the root to it, None for missing ones."""
        for entry in chain:
            if entry is not None:
                entry.revision = next(revisions)
                entry.size += outcome.delta
                entry.stamp = outcome.stamp or entry.stamp
        parent = chain[-1]
        if folder is not None and parent is not None:
            parent.mtime_ns, parent.seen, parent.learned = folder.mtime_ns, folder.seen, 1
        if outcome.set_back and self.set_back is not None:
            self.set_back(outcome.set_back)
        for name in outcome.removed:
            self.cache.drop(no, name)
        for row in outcome.rows:
            if len(outcome.rows) <= PAGE:
                self.cache.put(Entry(row))
            else:
                self.cache.drop(no, row.name)

    def _check_overtaken(self, path: Path | None, no: int, read: int) -> None:
        """The folder `no` is learned now, from what was read at `read`."""
        if self.disturbances.end(no, read) and self.tidings.overtaken is not None and path is not None:
            self.tidings.overtaken([path])

    async def _write(self, function: Callable[[Connection], T], remember: Callable[[T], R]) -> R:
        """Change the database, and then what is in memory: also if somebody cancels this meanwhile, who has to wait for it."""
        before = self._newest()
        result, cancelled = await unbroken(Deferred.fromCoroutine(self.database.write(function)))
        if isinstance(result, Failure):
            if result.check(StorageUnavailable):  # type: ignore[no-untyped-call]
                # Nobody knows whether it was done: a server may have gone away after the commit, and before its answer.
                self.cache.clear()
            result.raiseException()
        found = remember(result)
        if self.written is not None:
            self.written(before, self._newest())
        if cancelled:
            raise CancelledError
        return found

    def _newest(self) -> int:
        return self.cache.root.stamp if self.cache.root is not None else self._last

    def _rows(self, parent: Entry, names: Sequence[str]) -> dict[str, Row]:
        entries = [self.cache.get(parent.no, name) for name in names]
        return {entry.name: Row._make(_columns(entry)) for entry in entries if entry is not None}

    async def transplant(self, path: Path, node: Node, id: str, identity: Identity | None = None) -> Entry | None:
        """The node with `id` now is `node`, which the storage knows by `identity`, in the folder at `path`; without `identity` we
        have moved it. The caller holds `lock`.

        None: nothing with this id, or no such folder, is known, or the folder lies below what was to be moved.
        """
        chain, names = await self.load(path)
        if names or not chain:
            return None
        numbers = [entry.no for entry in reversed(chain)]
        at = int(self._now())

        def work(connection: Connection) -> tuple[Row | None, int]:
            row = transplanting.transplant(connection, self.no, id, numbers, node, identity, at)
            root = rows.by_no(connection, numbers[-1])
            return row, 0 if root is None else root.stamp

        def remember(found: tuple[Row | None, int]) -> Entry | None:
            row, self._last = found
            if row is None:
                return None
            # Which folders stood above its old place only the database knows.
            self.cache.clear()
            if identity is not None and row.kind == FOLDER and self.tidings.arrived is not None:
                self.tidings.arrived([join(path, node.name)])
            return Entry(row)

        return await self._write(work, remember)

    async def missed(self, path: Path) -> None:
        """Somebody wanted to list the folder at `path`, and nothing is there. See `misses`."""
        missed = self.misses.of(path)
        if missed is None:
            return

        def remember(touched: tuple[list[Row], int]) -> None:
            chain, stamp = touched
            for row in chain:
                entry = self.cache.get(row.parent, row.name) if row.parent else self.cache.root
                if entry is not None and entry.no == row.no:
                    entry.revision, entry.stamp = next(revisions), stamp

        async with self.lock:
            await self._write(lambda connection: misses.touch(connection, self.no, missed, int(self._now())), remember)

    async def place_of(self, id: str) -> Path | None:
        """Where the node with `id` (without the space's part) is; None if it is not known. The caller holds `lock`."""

        def find(connection: Connection) -> str | None:
            row = rows.by_id(connection, self.no, id)
            return None if row is None else rows.path_of(connection, row)

        found = await self.database.read(find)
        return None if found is None else Path(found)

    async def claimants(self, identity: Identity) -> list[Claimant]:
        """What may be the node that the storage knows by `identity`, and where it was seen. The caller holds `lock`."""

        def find(connection: Connection) -> list[Claimant]:
            found = rows.claimants(connection, self.no, identity)
            return [Claimant(row.id, bool(row.learned), rows.path_of(connection, row), row.gone, row.seen) for row in found]

        return await self.database.read(find)

    async def lessons(self, after: int, limit: int) -> list[Lesson]:
        """Folders whose children were never seen, with numbers above `after`, in their order; also such that are gone."""
        return await self.database.read(lambda connection: learning.lessons(connection, self.no, after, limit))

    async def count_unlearned(self) -> int:
        """How many of these there are."""
        return await self.database.read(lambda connection: rows.count_unlearned(connection, self.no))

    async def unlearned(self, limit: int) -> list[Path]:
        """Some folders whose children were never seen."""
        found: list[Path] = []
        after = 0
        while len(found) < limit:
            some = await self.lessons(after, limit)
            if not some:
                break
            after = some[-1].no
            found += [lesson.path for lesson in some if lesson.path is not None]
        return found


def pair(nodes: Sequence[Node], identities: Mapping[str, Identity]) -> list[tuple[Node, Identity]]:
    """Nodes with their identities; those that vanished in between are left out."""
    return [(node, identities[node.name]) for node in nodes if node.name in identities]
