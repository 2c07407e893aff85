"""Trash and versions of a storage under observation (`metered`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Protocol, TypeVar

from ...interfaces import Reader, Trash, Trashed, Version, Versions
from ...model.node import Node
from ...model.path import Path

T = TypeVar("T")


class Meter(Protocol):
    """Measures one call after the other."""

    async def __call__(self, method: str, call: Awaitable[T]) -> T:
        """What `call` gives."""


class MeteredTrash(Trash):
    """Every call is counted as ``trash_...`` but the listing, which is read page by page."""

    def __init__(self, inner: Trash, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """Counted as ``trash_discard``."""
        await self._meter("trash_discard", self._inner.discard(path, known))

    def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """Not counted."""
        return self._inner.list()

    async def find(self, key: str) -> Trashed:
        """Counted as ``trash_find``."""
        return await self._meter("trash_find", self._inner.find(key))

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """Counted as ``trash_restore``."""
        return await self._meter("trash_restore", self._inner.restore(key, target, replace=replace))

    async def purge(self, key: str) -> None:
        """Counted as ``trash_purge``."""
        await self._meter("trash_purge", self._inner.purge(key))

    async def emptied(self) -> None:
        """Not counted."""
        await self._inner.emptied()

    async def look(self, key: str, path: Path) -> Node:
        """Counted as ``trash_look``."""
        return await self._meter("trash_look", self._inner.look(key, path))

    async def inside(self, key: str, path: Path) -> Sequence[Node]:
        """Counted as ``trash_inside``."""
        return await self._meter("trash_inside", self._inner.inside(key, path))

    async def read(self, key: str, path: Path) -> Reader:
        """Counted as ``trash_read``."""
        return await self._meter("trash_read", self._inner.read(key, path))


class MeteredVersions(Versions):
    """Every call is counted as ``versions_...``."""

    def __init__(self, inner: Versions, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    async def list(self, path: Path) -> Sequence[Version]:
        """Counted as ``versions_list``."""
        return await self._meter("versions_list", self._inner.list(path))

    async def read(self, path: Path, key: str) -> Reader:
        """Counted as ``versions_read``."""
        return await self._meter("versions_read", self._inner.read(path, key))

    async def restore(self, path: Path, key: str) -> Node:
        """Counted as ``versions_restore``."""
        return await self._meter("versions_restore", self._inner.restore(path, key))

    async def expire(self, before: float) -> int:
        """Counted as ``versions_expire``."""
        return await self._meter("versions_expire", self._inner.expire(before))

    async def used(self) -> int:
        """Counted as ``versions_used``."""
        return await self._meter("versions_used", self._inner.used())
