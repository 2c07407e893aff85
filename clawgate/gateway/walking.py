"""Whole trees, folders before what is in them: as they come, or in the order of names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

import attrs

from ..errors import Forbidden, NotAFolder, NotFound
from ..model.node import Node
from ..model.path import Path, join
from ..model.space import Place
from .tree import Tree

PORTION = 2000
"""Children of a folder that are sorted at once, in half a millisecond."""

_name = attrgetter("name")


class Met(NamedTuple):
    """Something met on a walk."""

    path: Path
    node: Node
    shut: bool = False
    """A folder that this person cannot list; nothing of what is in it follows."""


async def stroll(tree: Tree, folder: Place, *, deep: bool) -> AsyncIterator[Met]:
    """What is in `folder`, or all below it (`deep`), as it comes; otherwise as `walk`. Nothing is sorted or kept but the folders
    that are to be visited."""
    listing = await tree.list(folder)
    path, waiting = folder.path, list[Met]()
    while True:
        async for page in listing.pages:
            for node in page:
                met = Met(join(path, node.name), node)
                if deep and node.is_folder:
                    waiting.append(met)
                else:
                    yield met
        while waiting:
            met = waiting.pop()
            try:
                listing = await tree.list(attrs.evolve(folder, path=met.path))
            except (NotFound, NotAFolder):
                continue
            except Forbidden:
                yield met._replace(shut=True)
                continue
            path = met.path
            yield met
            break
        else:
            return


async def walk(tree: Tree, folder: Place, *, deep: bool, after: Path | None = None) -> AsyncIterator[Met]:
    """What is in `folder`, or all below it (`deep`), each folder before what is in it, in the order of names: so that a walk can
    be taken up again where it ended.

    `after`: only what comes after this path, which need not exist any more. What vanishes meanwhile is left out. Raises what
    `Tree.list` raises, for folders below only `StorageUnavailable` and its kin.
    """
    start = None if after is None else after.split("/")
    ways = [await _sorted(tree, folder, start)]
    while ways:
        met = next(ways[-1], None)
        if met is None:
            ways.pop()
            continue
        path = met.path.split("/")
        passed = start is not None and path <= start
        if passed and (not deep or start is None or path != start[: len(path)]):
            continue
        inside: Iterator[Met] | None = None
        if deep and met.node.is_folder:
            try:
                inside = await _sorted(tree, attrs.evolve(folder, path=met.path), start)
            except (NotFound, NotAFolder):
                continue
            except Forbidden:
                met = met._replace(shut=True)
        if not passed:
            yield met
        if inside is not None:
            ways.append(inside)


async def _sorted(tree: Tree, folder: Place, start: Sequence[str] | None) -> Iterator[Met]:
    """The children by name, without those that a walk which goes on after `start` has done with.

    They are sorted in portions: one sort of 100,000 names takes tens of milliseconds, in which no thread gets its turn, wherever
    it is done.
    """
    way = folder.path.split("/") if folder.path else []
    first = start[len(way)] if start is not None and len(start) > len(way) and list(start[: len(way)]) == way else ""
    listing = await tree.list(folder)
    runs: list[list[Node]] = []
    async for page in listing.pages:
        for begin in range(0, len(page), PORTION):
            some = page[begin : begin + PORTION]
            if len(page) <= PORTION or tree.brief is None:
                runs.append(_run(some, first))
            else:
                runs.append(await tree.brief.run_always(_run, some, first))
    found = runs[0] if len(runs) == 1 else merge(*runs, key=_name)
    return (Met(join(folder.path, node.name), node) for node in found)


def _run(nodes: Sequence[Node], first: str) -> list[Node]:
    return sorted([node for node in nodes if node.name >= first] if first else nodes, key=_name)
