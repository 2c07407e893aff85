"""Whole trees, folders before what is in them: as they come, or in the order of names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import attrs

from ..errors import Forbidden, NotAFolder, NotFound
from ..model.node import Node
from ..model.path import Path, join
from ..model.space import Place
from .tree import Tree


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
    ways = [iter(await _sorted(tree, folder))]
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
                inside = iter(await _sorted(tree, attrs.evolve(folder, path=met.path)))
            except (NotFound, NotAFolder):
                continue
            except Forbidden:
                met = met._replace(shut=True)
        if not passed:
            yield met
        if inside is not None:
            ways.append(inside)


async def _sorted(tree: Tree, folder: Place) -> list[Met]:
    listing = await tree.list(folder)
    found = [Met(join(folder.path, node.name), node) async for page in listing.pages for node in page]
    found.sort(key=lambda met: met.node.name)
    return found
