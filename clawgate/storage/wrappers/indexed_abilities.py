"""Abilities of a storage whose results must be entered in the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...interfaces import Body, Copy, Parts, Times
from ...model.content import Intent, Written
from ...model.node import Node
from ...model.path import Path

if TYPE_CHECKING:
    from .indexed import Indexed


class IndexedCopy(Copy):
    """Copies, entered as new nodes."""

    def __init__(self, storage: Indexed, inner: Copy) -> None:
        self._storage = storage
        self._inner = inner

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool = True) -> Node:
        """Copy, then enter the copy."""
        node = await self._inner.copy(source, target, replace=replace, deep=deep)
        return await self._storage.enter(target, node, await self._storage.observer.identify(target))


class IndexedTimes(Times):
    """Modification times, which are part of etags."""

    def __init__(self, storage: Indexed, inner: Times) -> None:
        self._storage = storage
        self._inner = inner

    async def touch(self, path: Path, mtime_ns: int) -> Node:
        """Set the time, then enter the node."""
        node = await self._inner.touch(path, mtime_ns)
        return await self._storage.enter(path, node, await self._storage.observer.identify(path))


class IndexedParts(Parts):
    """Uploads in pieces, entered when they are published."""

    def __init__(self, storage: Indexed, inner: Parts) -> None:
        self._storage = storage
        self._inner = inner

    async def begin(self, size: int | None) -> str:
        """As the storage does it."""
        return await self._inner.begin(size)

    async def write_at(self, handle: str, offset: int, body: Body) -> int:
        """As the storage does it."""
        return await self._inner.write_at(handle, offset, body)

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """Publish, then enter the new version."""
        return await self._storage.entered(path, await self._inner.finish(handle, path, intent))

    async def abort(self, handle: str) -> None:
        """As the storage does it."""
        await self._inner.abort(handle)
