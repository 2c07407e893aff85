"""Looking for files in the trees of a person."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import attrs

from ..errors import Disconnected, InvalidRequest, NotAFolder, NotFound, NotSupported, Overloaded
from ..interfaces import Found, Names
from ..model.node import Node
from ..model.space import Place
from .seeing import Seeing
from .tree import Tree


@attrs.frozen
class Region:
    """Where to look."""

    place: Place
    matches: Callable[[Found], bool]
    """Called in a worker."""
    itself: bool = False
    """Nothing but the folder or file at `place` is meant."""
    deep: bool = True


class Hit(NamedTuple):
    """Something found."""

    region: int
    """The number of the region."""
    found: Found


class Result(NamedTuple):
    """What a search came to."""

    hits: Sequence[Hit]
    total: int
    """So many would have been found without any limit."""


class Finding:
    """All searches of this process."""

    def __init__(self, tree: Tree, at_once: int, window: int) -> None:
        """`at_once` searches run at a time, further ones are refused; results beyond the first `window` can only be had if they
        need not be sorted."""
        self._tree = tree
        self._at_once = at_once
        self._window = window
        self._running = 0

    async def find(
        self,
        regions: Sequence[Region],
        *,
        names: Names | None,
        order: Sequence[tuple[Callable[[Found], Any], bool]],
        offset: int,
        limit: int,
        gone: Callable[[], bool],
    ) -> Result:
        """What is known and matches, of what the person may see: at most `limit` after the first `offset`, sorted by keys (True:
        the largest first). `gone` says that nobody waits any more.

        Raises `Overloaded`, `InvalidRequest` for what is too far back, `NotSupported`, `Disconnected`.
        """
        if order and offset + limit > self._window:
            raise InvalidRequest(f"only the first {self._window} results can be had in this order")
        kept: list[Any] = []
        total = 0
        async with self._turn():
            for number, region in enumerate(regions):
                seeing = Seeing(self._tree, region.place)
                async for page in self._pages(region, names):
                    if gone():
                        raise Disconnected("the client is gone")
                    for found in page:
                        if not await seeing.shows(found.path):
                            continue
                        total += 1
                        hit = Hit(number, found)
                        if not order:
                            if offset < total <= offset + limit:
                                kept.append(hit)
                            continue
                        ranked = _Ranked(hit, total, order)
                        if len(kept) < offset + limit:
                            heapq.heappush(kept, ranked)
                        elif kept and kept[0] < ranked:
                            heapq.heapreplace(kept, ranked)
        if order:
            kept = _sorted(kept, order)[offset:]
        return Result(kept, total)

    async def _pages(self, region: Region, names: Names | None) -> AsyncIterator[Sequence[Found]]:
        place = region.place
        search = (await self._tree.abilities(place.space)).search
        if search is None:
            raise NotSupported("nobody can search in this space")
        # Whoever asks for what is not there learns so; and it is known from now on.
        node = await self._tree.stat(place)
        if region.itself:
            itself = _found(place, node)
            yield [itself] if region.matches(itself) else []
            return
        if not node.is_folder:
            raise NotAFolder("only folders can be searched")
        try:
            async for page in search.search(place.path, region.matches, names=names, deep=region.deep):
                yield page
        except NotFound:
            return

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._running >= self._at_once:
            raise Overloaded("too many searches are under way; try again in a moment")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


class _Ranked:
    """A hit as a heap of the best ones compares it: the least is what is dropped first."""

    __slots__ = ("_keys", "hit", "nth")

    def __init__(self, hit: Hit, nth: int, order: Sequence[tuple[Callable[[Found], Any], bool]]) -> None:
        self.hit = hit
        self._keys = [(key(hit.found), descending) for key, descending in order]
        self.nth = nth

    def __lt__(self, other: _Ranked) -> bool:
        for (mine, descending), (theirs, _) in zip(self._keys, other._keys, strict=True):
            if mine != theirs:
                return bool(mine < theirs if descending else mine > theirs)
        return self.nth > other.nth


def _sorted(ranked: list[_Ranked], order: Sequence[tuple[Callable[[Found], Any], bool]]) -> list[Hit]:
    """The hits, best first: one pass a key, the least important first, because that needs no comparisons in Python."""
    hits = [one.hit for one in sorted(ranked, key=lambda one: one.nth)]
    for key, descending in reversed(order):
        hits.sort(key=lambda hit: key(hit.found), reverse=descending)
    return hits


def _found(place: Place, node: Node) -> Found:
    return Found(place.path, node.name, node.is_folder, node.size, node.mtime_ns, node.id)
