"""Abilities of a storage that the index gives, or whose results must be entered in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ...errors import NotAFolder, NotFound
from ...interfaces import Copy, Find, Parts, Times
from ...model.content import Intent, Written
from ...model.node import Node
from ...model.path import Path, split
from .passing import PassedParts

if TYPE_CHECKING:
    from .indexed import Indexed


class IndexedFind(Find):
    """Looks ids up in the index, and then whether they are still there."""

    def __init__(self, storage: Indexed) -> None:
        self._storage = storage

    async def find(self, id: str) -> Path:
        """Where the node is. One that somebody else moved is found once its new folder has been listed."""
        index, observer = self._storage.index, self._storage.observer
        own = id.removeprefix(f"{index.id}!")
        if own == id or "\0" in own:
            raise NotFound("there is nothing with this id")
        tried: set[Path] = set()
        while True:
            async with index.lock:
                path = await index.place_of(own)
            if path is None or path in tried:
                raise NotFound("there is nothing with this id")
            # Looking may show that the index is wrong and where the node really is.
            tried.add(path)
            try:
                if (await observer.look(path)).id == own:
                    return path
            except (NotFound, NotAFolder):
                continue


class IndexedCopy(Copy):
    """Copies, entered as new nodes."""

    def __init__(self, storage: Indexed, inner: Copy) -> None:
        self._storage = storage
        self._inner = inner

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool = True) -> Node:
        """Copy, then enter the copy."""
        with self._storage.doubting(target):
            node = await self._inner.copy(source, target, replace=replace, deep=deep)
            if replace and self._storage.abilities.trash is not None:
                # What was replaced took its id along.
                folder, name = split(target)
                async with self._storage.index.lock:
                    await self._storage.index.enter(folder, (), [name], ours=True)
            return await self._storage.enter(target, node, await self._storage.observer.identify(target))


class IndexedTimes(Times):
    """Modification times, which are part of etags."""

    def __init__(self, storage: Indexed, inner: Times) -> None:
        self._storage = storage
        self._inner = inner

    async def touch(self, path: Path, mtime_ns: int) -> Node:
        """Set the time, then enter the node."""
        with self._storage.doubting(path):
            node = await self._inner.touch(path, mtime_ns)
            return await self._storage.enter(path, node, await self._storage.observer.identify(path))


class IndexedParts(PassedParts):
    """Uploads in pieces, entered when they are published."""

    def __init__(self, storage: Indexed, inner: Parts) -> None:
        super().__init__(inner)
        self._storage = storage

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """Publish, then enter the new version."""
        with self._storage.doubting(path):
            return await self._storage.entered(path, await self.inner.finish(handle, path, intent))

    async def published(self, handle: str, path: Path) -> Written | None:
        """As the storage says; entered, because whoever was interrupted may not have come to that."""
        written = await self.inner.published(handle, path)
        if written is None:
            return None
        index = self._storage.index
        chain, names = await index.chain(path)
        if chain and not names and chain[-1].seen == written.node.seen:
            return attrs.evolve(written, node=index.node(chain[-1]))
        return await self._storage.entered(path, written)
