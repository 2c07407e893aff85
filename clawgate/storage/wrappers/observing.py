"""Looking at a storage and telling the index what is new there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import attrs

from ...errors import Forbidden, NotAFolder, NotFound, StorageUnavailable
from ...index.entry import Entry
from ...index.reconcile import Outcome
from ...index.space import SpaceIndex, pair
from ...interfaces import Storage
from ...model.node import Identity, Node
from ...model.path import ROOT, Path, join, parent, split
from .settling import Settler

PATIENCE = 3
"""So often a scan may be overtaken by our own changes; then the next one holds the index's lock."""

TURNS = 10
"""So often names of one file that goes on changing are looked at in turns."""


@attrs.frozen
class Found:
    """What a scan of a folder came to. `node` and `children` are not younger than `revision` says."""

    entry: Entry
    node: Node
    revision: int
    children: list[Node] | None
    """None: ask the index."""


class _Another:
    """Says that another folder stands there than the index knows."""


class Observer:
    """Compares one storage with its index."""

    def __init__(
        self, storage: Storage, index: SpaceIndex, clock: Callable[[], float], *, read_only: bool = False, guest: bool = False
    ) -> None:
        """`storage` must have the ability `ids`; `clock` gives seconds that never go back; `read_only`: no ids are pinned.

        `guest`: it shows what one person may see, so that others may have what seems to be gone.
        """
        assert storage.abilities.ids is not None
        self._storage = storage
        self._ids = storage.abilities.ids
        self._index = index
        self._clock = clock
        self._settler = Settler(storage.abilities.ids, index, read_only=read_only, guest=guest)
        self._guest = guest
        self._confirmed = False
        """Whether this process has seen that the root is the one that the index knows."""
        self.before_news: Callable[[], Awaitable[None]] | None = None
        """Awaited before anything is entered that others have changed."""

    async def identify(self, path: Path) -> Identity | None:
        """How the storage knows the node at `path`; None if nothing is there."""
        folder, name = split(path)
        return (await self._ids.identify(folder, [name])).get(name)

    async def known(self, path: Path) -> Entry:
        """The entry of `path`, which is looked for in the storage if the index has none. Raises `NotFound`."""
        while True:
            chain, names = await self._index.chain(path)
            if not chain or not self._confirmed:
                await self._look_at_root()
                continue
            if not names:
                return chain[-1]
            # The first folder on the way that the index does not know; most often it is the last.
            above = path.split("/")
            await self._look(Path("/".join(above[: len(above) - len(names) + 1])))

    async def folder(self, path: Path) -> Entry:
        """As `known`; raises `NotAFolder` for a file."""
        entry = await self.known(path)
        if not entry.is_folder:
            # Others may have put a folder in its place. A guest may not be allowed to know that there is a file.
            entry = await self.look(path)
            if not entry.is_folder:
                raise NotAFolder(f"{path} is a file")
        return entry

    def disturb(self, folder: Entry) -> None:
        """Others have changed something in a folder that nobody has listed yet: who is about to may have read it before that."""
        self._index.disturbances.note(folder.no)

    async def revision(self, path: Path) -> int:
        """The present revision of the folder that holds `path`. Raises `NotFound`."""
        return (await self.known(parent(path))).revision

    async def look(self, path: Path, turns: int = TURNS) -> Entry:
        """Ask the storage for `path` and enter what is new. Raises `NotFound`."""
        if not path:
            return await self._look_at_root()
        await self.known(parent(path))
        return await self._look(path, turns)

    async def _look(self, path: Path, turns: int = TURNS, *, anew: bool = False) -> Entry:
        """As `look`, for a path below the root whose folder is known. `anew`: also if it looks as it did."""
        while True:
            revision = await self.revision(path)
            try:
                raw = await self._storage.stat(path)
            except NotFound:
                if await self._vanished(path, revision, turns):
                    raise
                continue
            if await self.match(path, raw, revision, turns=turns, anew=anew) is not None:
                chain, names = await self._index.chain(path)
                if chain and not names:
                    chain[-1].checked = self._clock()
                    return chain[-1]

    async def match(
        self, path: Path, raw: Node, revision: int, own: str = "", turns: int = TURNS, *, anew: bool = False
    ) -> Node | None:
        """The full node for `raw`, which the storage said of `path` when its folder had this `revision`; entered if it is news.

        `own`: its own name if `raw` is known to be about that very copy. None: a change of our own, or another copy, came in
        between; ask the storage again.
        """
        chain, names = await self._index.chain(path)
        if not anew and chain and not names and _same(chain[-1], raw) and own in ("", chain[-1].own):
            chain[-1].checked = self._clock()
            return self._index.node(chain[-1])
        folder, name = split(path)
        identities = await self._ids.identify(folder, [name, ""])
        if not await self._same_folder(folder, identities.get("")):
            return None
        if name not in identities:
            if not await self._vanished(path, revision, turns):
                return None
            raise NotFound(f"{name} was removed meanwhile")
        if own not in ("", identities[name].own):
            return None
        await self._news()
        async with self._index.lock:
            news = pair([raw._replace(name=name)], identities)
            outcome = await self._index.enter(folder, news, revision=revision)
            if outcome is None:
                return None
            await self.settle(folder, outcome)
        for suspect in outcome.suspects:
            await self._suspect(join(folder, suspect))
        await self.follow(outcome.namesakes, turns)
        chain, names = await self._index.chain(path)
        return self._index.node(chain[-1]) if chain and not names else None

    async def scan(self, path: Path) -> Found:
        """Scan a folder and enter what is new. Raises `NotFound`, `NotAFolder`."""
        attempt = 0
        while True:
            attempt += 1
            above = await self.revision(path)
            revision = (await self.folder(path)).revision
            try:
                async with self._exclusive(attempt > PATIENCE):
                    result = await self._scan(path, revision, attempt <= PATIENCE)
            except (NotFound, NotAFolder):
                if path and not await self._vanished(path, above):
                    continue
                raise
            if result is None:
                continue
            if isinstance(result, _Another):
                await self._look(path, anew=True)
                continue
            found, suspects, namesakes = result
            for name in suspects:
                await self._suspect(join(path, name))
            await self.follow(namesakes)
            if suspects or namesakes:
                entry = await self.folder(path)
                found = Found(entry, self._index.node(entry), entry.revision, None)
            return found

    async def _suspect(self, path: Path) -> None:
        """Scan a folder whose turn it is not. One that is shut is learned when somebody lists it who may."""
        with suppress(Forbidden):
            await self.scan(path)

    async def follow(self, places: Sequence[Path], turns: int = TURNS) -> None:
        """Look at further names of files that may have changed. They may change again meanwhile, and then so have the first
        names: `turns` bounds how often these are looked at anew."""
        for place in dict.fromkeys(places) if turns else ():
            with suppress(NotFound, NotAFolder, Forbidden):
                await self.look(place, turns - 1)

    async def _scan(self, path: Path, revision: int, locking: bool) -> tuple[Found, list[str], list[Path]] | _Another | None:
        """One attempt; None: overtaken. Takes the lock where it needs it if `locking`, else the caller holds it."""
        read = self._index.disturbances.now()
        listing = await self._storage.list(path)
        scanned = [node async for page in listing.pages for node in page]
        now = self._clock()
        async with self._exclusive(locking):
            chain, rest = await self._index.load(path)
            if not chain or rest or chain[-1].revision != revision:
                return None
            entry = chain[-1]
            if not path and entry.seen != listing.folder.seen:
                _confirm(entry, await self.identify(ROOT))
            # A voucher that ends by itself spares nobody the next scan.
            vouched = listing.current is not None and listing.place is None
            compared = await self._index.compare(entry, scanned, vouched=vouched)
        suspects: list[str] = []
        namesakes: list[Path] = []
        if compared.changed or compared.vanished or entry.seen != listing.folder.seen or not entry.learned:
            names = [node.name for node in compared.changed]
            asked = [*names, ""] if path and not self._guest and entry.seen != listing.folder.seen else names
            identities = await self._ids.identify(path, asked) if asked else {}
            if len(asked) > len(names) and ("" not in identities or identities[""].own != entry.own):
                return _Another()
            news = pair(compared.changed, identities)
            if locking and len(news) < len(names):
                # Some have other names by now, under which they are not in this listing.
                return None
            await self._news()
            async with self._exclusive(locking):
                outcome = await self._index.enter(
                    path, news, compared.vanished, folder=listing.folder, revision=revision, read=read
                )
                if outcome is None:
                    return None
                suspects, namesakes = outcome.suspects, outcome.namesakes
                await self.settle(path, outcome)
                chain, rest = await self._index.load(path)
                if not chain or rest:
                    return None
                entry = chain[-1]
                found = Found(entry, self._index.node(entry), entry.revision, None)
        else:
            entry.mark = None if vouched else (compared.fingerprint, revision)
            found = Found(entry, compared.folder, revision, compared.children)
        entry.checked = entry.listed = now
        entry.current, entry.place = listing.current, listing.place
        return found, suspects, namesakes

    async def settle(self, path: Path, outcome: Outcome) -> None:
        """See `Settler.settle`."""
        await self._settler.settle(path, outcome)

    async def _same_folder(self, folder: Path, there: Identity | None) -> bool:
        """Whether what is `there` is the `folder` that the index knows; if not, what became of that is entered.

        Raises `NotFound` if nothing is there.
        """
        if not folder or self._guest:
            return True
        chain, names = await self._index.chain(folder)
        if names or (there is not None and there.own == chain[-1].own):
            return not names
        await self._look(folder, anew=True)
        return False

    async def _vanished(self, path: Path, revision: int, turns: int = TURNS) -> bool:
        """Enter that nothing is at `path`, as was seen when its folder had this `revision`; False: overtaken, look again.

        Raises `NotFound` if its folder is not there either: then that is entered, and what was in it may be wherever that is.
        """
        await self._confirm_root()
        chain, names = await self._index.chain(path)
        if chain and not names:
            folder, name = split(path)
            try:
                there = await self.identify(folder) if folder else None
            except (NotFound, NotAFolder):
                there = None
            if not await self._same_folder(folder, there):
                return False
            await self._news()
            async with self._index.lock:
                outcome = await self._index.enter(folder, (), [name], revision=revision)
            if outcome is None:
                return False
            await self.follow(outcome.namesakes, turns)
        return True

    async def _news(self) -> None:
        if self.before_news is not None:
            await self.before_news()

    async def _look_at_root(self) -> Entry:
        raw = await self._storage.stat(ROOT)
        chain, _ = await self._index.chain(ROOT)
        if chain and self._confirmed and chain[0].seen == raw.seen:
            chain[0].checked = self._clock()
            return chain[0]
        identity = await self.identify(ROOT)
        if identity is None:
            raise StorageUnavailable("the directory of this space does not exist")
        entry = chain[0] if chain else await self._index.make_root(raw, identity)
        _confirm(entry, identity)
        self._confirmed = True
        if entry.learned and entry.seen != raw.seen:
            await self._suspect(ROOT)
            entry = (await self._index.chain(ROOT))[0][0]
        entry.checked = self._clock()
        return entry

    async def _confirm_root(self) -> None:
        """Raise `StorageUnavailable` unless the root is still the one that the index knows."""
        chain, _ = await self._index.chain(ROOT)
        if chain:
            _confirm(chain[0], await self.identify(ROOT))

    @asynccontextmanager
    async def _exclusive(self, wanted: bool) -> AsyncIterator[None]:
        if wanted:
            async with self._index.lock:
                yield
        else:
            yield


def _same(entry: Entry, raw: Node) -> bool:
    """Whether the index knows what a look at one node shows. It may tell the time of a file that a listing could not; and times
    have ticks, in which a file can grow after somebody looked."""
    return bool(entry.seen == raw.seen and (raw.is_folder or (entry.size, entry.mtime_ns) == (raw.size, raw.mtime_ns)))


def _confirm(root: Entry, identity: Identity | None) -> None:
    """Raise `StorageUnavailable` if another directory stands where the space was: a file system that is not mounted looks like an
    empty space, and clients would delete all they have."""
    if identity is None or root.own != identity.own:
        raise StorageUnavailable(
            "another directory stands where this space was; is its file system mounted? "
            "If it was moved on purpose, stop the gateway and run 'clawgate index rebuild'"
        )
