"""What changed in a folder since somebody asked last (RFC 6578), by the storage's journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from ..errors import Forbidden, NotAFolder, NotFound, NotSupported
from ..interfaces import Event, Outdated, Stretch
from ..model.node import Node
from ..model.path import Path, ancestors, is_within
from ..model.space import Place
from .bookmarks import Bookmark, read
from .seeing import Seeing
from .tree import Tree
from .walking import Met, stroll, walk


class Change(NamedTuple):
    """One thing to tell."""

    path: Path
    node: Node | None
    """None: it is not there any more."""
    folder: bool
    shut: bool = False
    """A folder that the person cannot list, so that what is in it is not told of."""


class Changes:
    """One answer: go through `told` to its end; then `bookmark` is where the next one begins."""

    def __init__(self, tree: Tree, place: Place, *, deep: bool, limit: int | None, lines: int) -> None:
        """Of direct children of the folder at `place`, or all below it (`deep`); at most `limit` changes are told (None: all),
        at most about `lines` lines of the journal are read."""
        self._tree = tree
        self._place = place
        self._deep = deep
        self._limit = limit
        self._lines = lines
        self._told = 0
        self._seeing = Seeing(tree, place)
        self._stretch: Stretch | None = None
        self._begun: Bookmark | None = None
        self.bookmark: Bookmark | None = None
        self.truncated = False
        """Whether there is more to be told at once."""

    async def begin(self, token: str) -> None:
        """Start from `token`, the text of a bookmark; empty: tell all that is there.

        Raises `NotFound`, `NotAFolder`, `Forbidden`, `Outdated`, `NotSupported`.
        """
        journal = (await self._tree.abilities(self._place.space)).journal
        if journal is None:
            raise NotSupported("what changed is not written down here")
        reckon = journal.reckoning()
        listing = await self._tree.list(self._place) if not token else None
        if listing is not None:
            await _end(listing.pages)
            self._begun = Bookmark(reckon(listing.folder), True)
            return
        begun = self._begun = read(token)
        now = reckon(await self._tree.stat(self._place))
        if (begun.position.journal, begun.position.folder) != (now.journal, now.folder):
            raise Outdated("this token is of another folder, or from before the index was made anew")
        if not begun.first:
            self._stretch = await journal.since(self._place.path, begun.position, deep=self._deep, limit=self._lines)

    async def told(self) -> AsyncIterator[Change]:
        """The changes."""
        assert self._begun is not None
        tell = self._listing(self._begun) if self._stretch is None else self._events(self._begun, self._stretch)
        async for change in tell:
            yield change
            self._told += 1

    def _full(self, next: Bookmark) -> bool:
        """Whether no more can be told, so that `next` is where to go on."""
        if self._limit is None or self._told < self._limit:
            return False
        self.bookmark, self.truncated = next, True
        return True

    def _walk(self, folder: Place, after: Path | None) -> AsyncIterator[Met]:
        if self._limit is None and after is None:
            return stroll(self._tree, folder, deep=self._deep)
        return walk(self._tree, folder, deep=self._deep, after=after)

    async def _listing(self, begun: Bookmark) -> AsyncIterator[Change]:
        """All that is there: what the storage shows, not what is known of it."""
        last = begun.cursor
        async for met in self._walk(self._place, last):
            if self._full(Bookmark(begun.position, True, last)):
                return
            yield _change(met)
            last = met.path
        self.bookmark = Bookmark(begun.position)

    async def _events(self, begun: Bookmark, stretch: Stretch) -> AsyncIterator[Change]:
        arrived = [event for event in stretch.events if event.arrived and self._deep]
        covered = {event.path: _cursor(begun, event) for event in arrived}
        for event in stretch.events:
            before = Bookmark(begun.position._replace(number=event.first - 1))
            after = _cursor(begun, event)
            if _is_told(event, covered) or not await self._seeing.shows(event.path):
                continue
            node: Node | None = None
            if event.there:
                try:
                    node = await self._seeing.node(event.path)
                except NotFound:
                    # Overtaken by what only the next answer can tell about.
                    pass
                else:
                    if node is None:
                        continue
            if node is None or not (event.arrived and self._deep and node.is_folder):
                if self._full(before):
                    return
                yield Change(event.path, node, event.folder if node is None else node.is_folder)
                continue
            async for change in self._arrived(before, event.path, node, after):
                yield change
            if self.truncated:
                return
        self.bookmark, self.truncated = Bookmark(stretch.position), not stretch.complete

    async def _arrived(self, before: Bookmark, path: Path, node: Node, after: Path | None) -> AsyncIterator[Change]:
        """A folder with all that is in it."""
        last, shut = after, False
        if after is None:
            if self._full(before):
                return
            try:
                await _end((await self._tree.list(self._seeing.at(path))).pages)
            except Forbidden:
                shut = True
            except (NotFound, NotAFolder):
                # What became of it is told next time.
                return
            yield Change(path, node, True, shut)
            last = path
        if shut:
            return
        try:
            async for met in self._walk(self._seeing.at(path), after if after != path else None):
                if self._full(Bookmark(before.position, cursor=last)):
                    return
                yield _change(met)
                last = met.path
        except (NotFound, NotAFolder):
            return


def _change(met: Met) -> Change:
    return Change(met.path, met.node, met.node.is_folder, met.shut)


def _cursor(begun: Bookmark, event: Event) -> Path | None:
    """Where to go on with the folder that has arrived; None: it is told from its beginning."""
    cursor = begun.cursor
    if cursor is None or event.first != begun.position.number + 1 or not is_within(cursor, event.path):
        return None
    return cursor


def _is_told(event: Event, covered: Mapping[Path, Path | None]) -> bool:
    """Whether what is now at the place of `event` comes with all the rest of one of the folders `covered`, of each of which what
    comes after its cursor is told."""
    for folder in ancestors(event.path) if event.there and covered else ():
        if folder in covered:
            cursor = covered[folder]
            if cursor is None or event.path.split("/") > cursor.split("/"):
                return True
    return False


async def _end(pages: AsyncIterator[object]) -> None:
    """Let go of pages that nobody reads."""
    close = getattr(pages, "aclose", None)
    if close is not None:
        await close()
