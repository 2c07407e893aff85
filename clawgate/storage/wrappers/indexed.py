"""Gives a storage without them: ids, etags that move with every change below, tree sizes, and listings that tell their version.

The storage stays the truth: what it shows is compared with the index whenever a folder is listed, and a single node whenever the
last look is older than `staleness_max`.

What a look at the storage found may be overtaken by a change of our own before it is entered. Each folder therefore has a
revision; findings gathered at an older one are thrown away and gathered again (`observing.Observer`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import attrs

from ...errors import ClawgateError, NotAFolder, NotFound, Overloaded, ParentMissing, StorageUnavailable
from ...index.entry import Entry
from ...index.reconcile import Outcome
from ...index.space import PAGE, SpaceIndex
from ...interfaces import Body, Listing, Reader, Storage
from ...model.content import Intent, Written
from ...model.node import Identity, Node
from ...model.path import Path, parent, split
from .doubts import Doubts
from .indexed_abilities import IndexedCopy, IndexedFind, IndexedParts, IndexedTimes
from .indexed_history import IndexedTrash, IndexedVersions
from .indexed_journal import IndexedJournal
from .indexed_search import IndexedSearch
from .observing import Observer


class Indexed(Storage):
    """A storage with an index. `inner` must have the ability `ids`."""

    def __init__(
        self,
        inner: Storage,
        index: SpaceIndex,
        clock: Callable[[], float],
        staleness_max: float,
        *,
        read_only: bool = False,
        guest: bool = False,
    ) -> None:
        """`clock` gives seconds that never go back; `staleness_max` is how old the last look at one node may be, in seconds;
        `read_only`: nothing is written, not even an id. `guest`: `inner` shows what one of several people may see; then it must
        be asked each time (`staleness_max` 0), because what is known is what the others have seen."""
        self.inner = inner
        self.index = index
        self.observer = Observer(inner, index, clock, read_only=read_only, guest=guest)
        self._clock = clock
        self._staleness_max = staleness_max
        self._doubts = Doubts(clock)
        self.unsure: Callable[[Sequence[Path]], None] | None = None
        """Told of places that may be other than the index says, because a change of ours was interrupted."""
        have = inner.abilities
        self.abilities = attrs.evolve(
            have,
            find=IndexedFind(self),
            journal=IndexedJournal(self),
            search=IndexedSearch(index),
            copy=have.copy and IndexedCopy(self, have.copy),
            times=have.times and IndexedTimes(self, have.times),
            parts=have.parts and IndexedParts(self, have.parts),
            trash=have.trash and IndexedTrash(self, have.trash),
            versions=have.versions and IndexedVersions(self, have.versions),
        )

    async def stat(self, path: Path) -> Node:
        """From memory while the last look is fresh enough; else the storage is asked."""
        chain, names = self.index.cache.walk(path)
        if names or not chain:
            chain, names = await self.index.chain(path)
        if chain and not names and self._fresh(path, chain):
            return self.index.node(chain[-1])
        return self.index.node(await self.observer.look(path))

    async def list(self, path: Path) -> Listing:
        """The truth of the storage: a scan, unless the storage vouches that nothing changed since the last one.

        What is inside of sub-folders no voucher sees, but a scan sees that they changed: so there is one every `staleness_max`.
        """
        try:
            found = await self._list(path)
        except NotFound:
            await self.index.missed(path)
            raise
        if self.index.tidings.listed is not None:
            self.index.tidings.listed(path)
        return found

    async def _list(self, path: Path) -> Listing:
        folder = await self.observer.folder(path)
        if (
            self._vouched(path, folder)
            and self._clock() - folder.listed < self._staleness_max
            and await self._stands(path, folder)
        ):
            return self._listing(folder, self.index.node(folder), self._stored(folder), folder.revision)
        found = await self.observer.scan(path)
        pages = self._stored(found.entry) if found.children is None else _pages(found.children)
        return self._listing(found.entry, found.node, pages, found.revision)

    async def _stands(self, path: Path, folder: Entry) -> bool:
        """Whether the folder that is vouched for is still at `path`: unless the voucher speaks of the place, it speaks of the one
        that was listed, and a folder above may have been renamed since."""
        if folder.place is not None:
            return True
        raw = await self.inner.stat(path)
        if raw.seen != folder.seen or not self._vouched(path, folder):
            return False
        folder.checked = self._clock()
        return True

    def _listing(self, entry: Entry, node: Node, pages: AsyncIterator[Sequence[Node]], revision: int) -> Listing:
        return Listing(node, pages, str(revision), entry.current, entry.place)

    async def read(self, path: Path) -> Reader:
        """Open a file; its node carries id and etag of exactly what was opened."""
        while True:
            revision = await self.observer.revision(path)
            reader = await self.inner.read(path)
            try:
                node = await self.observer.match(path, reader.node, revision, reader.own)
            except BaseException:
                await reader.close()
                raise
            if node is not None:
                reader.node = node
                return reader
            await reader.close()

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """Write, then enter it: when this returns, every etag up to the root has moved."""
        with self.doubting(path):
            return await self.entered(path, await self.inner.write(path, body, intent))

    async def make_folder(self, path: Path) -> Node:
        """Make a folder and enter it."""
        with self.doubting(path):
            node = await self.inner.make_folder(path)
            return await self.enter(path, node, await self.observer.identify(path), empty=True)

    async def remove(self, path: Path) -> None:
        """Remove, and forget the rows."""
        await self.observer.revision(path)
        folder, name = split(path)
        with self.doubting(path):
            await self.inner.remove(path)
            async with self.index.lock:
                outcome = await self.index.enter(folder, (), [name], ours=True)
        await self._follow(outcome)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """Move; ids and the etags of what was moved stay, those of both parents move."""
        entry = await self.observer.known(source)
        await self.need_parent(target)
        folder, name = split(target)
        with self.doubting(source, target):
            node = await self.inner.move(source, target, replace=replace)
            node = node._replace(name=name)
            async with self.index.lock:
                moved = await self.index.transplant(folder, node, entry.id)
            if moved is None:
                return await self.enter(target, node, await self.observer.identify(target))
        self.index.misses.departed(source, moved.no)
        if moved.is_folder and self.index.tidings.renamed is not None:
            self.index.tidings.renamed(source, target)
        moved.checked = self._clock()
        return self.index.node(moved)

    @contextmanager
    def doubting(self, *paths: Path) -> Iterator[None]:
        """For changes of `paths`: if one ends so that nobody can say whether it was made, somebody has to look."""
        try:
            yield
        except BaseException as error:
            for path in paths:
                # Somebody else may be the reason, and then who comes next wants to see it.
                chain, names = self.index.cache.walk(parent(path))
                if chain and not names:
                    chain[-1].current = None
            refused = isinstance(error, ClawgateError) and not isinstance(error, (StorageUnavailable, Overloaded))
            if not refused:
                for path in paths:
                    self._doubts.add(path)
                if self.unsure is not None:
                    self.unsure(paths)
            raise

    async def need_parent(self, path: Path) -> None:
        """Make sure that the index knows the folder that will hold `path`. Raises `ParentMissing`."""
        try:
            await self.observer.folder(parent(path))
        except (NotFound, NotAFolder) as error:
            raise ParentMissing("the folder of the destination does not exist") from error

    async def entered(self, path: Path, written: Written) -> Written:
        """Enter a new version of a file."""
        identity = written.identity or await self.observer.identify(path)
        return attrs.evolve(written, node=await self.enter(path, written.node, identity), identity=identity)

    async def enter(self, path: Path, node: Node, identity: Identity | None, *, empty: bool = False) -> Node:
        """Enter a node that clawgate itself made or changed (`empty`: a new folder). Raises `NotFound` if it is gone already."""
        folder, name = split(path)
        if identity is None:
            raise NotFound(f"{name} was removed meanwhile")
        await self.observer.known(folder)
        async with self.index.lock:
            outcome = await self.index.enter(folder, [(node._replace(name=name), identity)], ours=True, empty=empty)
            if outcome is not None:
                await self.observer.settle(folder, outcome)
        await self._follow(outcome)
        entry = await self.observer.known(path)
        entry.checked = self._clock()
        return self.index.node(entry)

    async def _follow(self, outcome: Outcome | None) -> None:
        """Look at other names of what we have replaced or removed. That this is done does not depend on it."""
        if outcome is not None and outcome.namesakes:
            with suppress(ClawgateError), self.doubting(*outcome.namesakes):
                await self.observer.follow(outcome.namesakes)

    def _fresh(self, path: Path, chain: Sequence[Entry]) -> bool:
        """Whether the last entry, which is the one of `path`, need not be looked at again."""
        entry = chain[-1]
        now = self._clock()
        if now - entry.checked < self._staleness_max:
            return True
        if entry.is_folder:
            return self._vouched(path, entry)
        above = chain[-2]
        return now - above.listed < self._staleness_max or self._vouched(parent(path), above)

    def _vouched(self, path: Path, folder: Entry) -> bool:
        current = folder.current
        if not folder.learned or current is None or not current():
            return False
        # Who speaks of a place does not know what is still on its way there.
        return folder.place is None or (folder.place == path and not self._doubts.about(path))

    async def _stored(self, folder: Entry) -> AsyncIterator[Sequence[Node]]:
        async for page in _pages(await self.index.children(folder)):
            yield page


async def _pages(nodes: Sequence[Node]) -> AsyncIterator[Sequence[Node]]:
    for start in range(0, len(nodes), PAGE):
        yield nodes[start : start + PAGE]
