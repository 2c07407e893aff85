"""Trash and versions of a storage with an index: ids as clients know them, and what comes and goes is entered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ...errors import NotFound
from ...interfaces import Reader, Trash, Trashed, Version, Versions
from ...model.node import Node
from ...model.path import Path, split

if TYPE_CHECKING:
    from .indexed import Indexed


class IndexedTrash(Trash):
    """For the index what goes into the trash is removed, and what comes back is new, with the id that it had."""

    def __init__(self, storage: Indexed, inner: Trash) -> None:
        self._storage = storage
        self._inner = inner
        self._prefix = f"{storage.index.id}!"

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """Put it into the trash, with the id and the size that the index knows, and forget the rows."""
        storage = self._storage
        known = known or storage.index.node(await storage.observer.look(path))
        own = known._replace(id=known.id.removeprefix(self._prefix))
        folder, name = split(path)
        with storage.doubting(path):
            await self._inner.discard(path, own)
            async with storage.index.lock:
                await storage.index.enter(folder, (), [name], ours=True)

    async def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """As the storage says."""
        async for page in self._inner.list():
            yield [self._shown(one) for one in page]

    async def find(self, key: str) -> Trashed:
        """As the storage says."""
        return self._shown(await self._inner.find(key))

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """Bring it back, then enter it."""
        storage = self._storage
        trashed = await self._inner.find(key)
        await storage.need_parent(target)
        if replace:
            # The row of what stands there must not be taken for that of what comes.
            with suppress(NotFound):
                await self.discard(target)
        with storage.doubting(target):
            node = await self._inner.restore(key, target, replace=replace)
            identity = await storage.observer.identify(target)
            if identity is not None and trashed.node.id:
                identity = identity._replace(id=trashed.node.id)
            return await storage.enter(target, node, identity)

    async def purge(self, key: str) -> None:
        """As the storage does it."""
        await self._inner.purge(key)

    async def look(self, key: str, path: Path) -> Node:
        """As the storage says; what is below something in the trash has no id."""
        node = await self._inner.look(key, path)
        return node._replace(id=f"{self._prefix}{node.id}") if node.id else node

    async def inside(self, key: str, path: Path) -> Sequence[Node]:
        """As the storage says."""
        return await self._inner.inside(key, path)

    async def read(self, key: str, path: Path) -> Reader:
        """As the storage does it."""
        return await self._inner.read(key, path)

    def _shown(self, one: Trashed) -> Trashed:
        return one._replace(node=one.node._replace(id=f"{self._prefix}{one.node.id}")) if one.node.id else one


class IndexedVersions(Versions):
    """Former content; when it becomes the present one that is entered like an upload."""

    def __init__(self, storage: Indexed, inner: Versions) -> None:
        self._storage = storage
        self._inner = inner

    async def list(self, path: Path) -> Sequence[Version]:
        """As the storage says."""
        return await self._inner.list(path)

    async def read(self, path: Path, key: str) -> Reader:
        """As the storage does it."""
        return await self._inner.read(path, key)

    async def restore(self, path: Path, key: str) -> Node:
        """Make it the present content, then enter it."""
        storage = self._storage
        await storage.observer.known(path)
        with storage.doubting(path):
            node = await self._inner.restore(path, key)
            return await storage.enter(path, node, await storage.observer.identify(path))

    async def expire(self, before: float) -> int:
        """As the storage does it."""
        return await self._inner.expire(before)

    async def used(self) -> int:
        """As the storage says."""
        return await self._inner.used()
