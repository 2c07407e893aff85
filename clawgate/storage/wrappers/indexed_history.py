"""Trash and versions of a storage with an index: ids as clients know them, and what comes and goes is entered."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ...errors import NotFound
from ...interfaces import Trash, Versions
from ...model.node import Node
from ...model.path import Path, split
from .passing import NamedTrash, PassedVersions

if TYPE_CHECKING:
    from .indexed import Indexed


class IndexedTrash(NamedTrash):
    """For the index what goes into the trash is removed, and what comes back is new, with the id that it had."""

    def __init__(self, storage: Indexed, inner: Trash) -> None:
        super().__init__(inner, f"{storage.index.id}!")
        self._storage = storage

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """Put it into the trash, with the id and the size that the index knows, and forget the rows."""
        storage = self._storage
        known = known or storage.index.node(await storage.observer.look(path))
        own = known._replace(id=known.id.removeprefix(self.prefix))
        folder, name = split(path)
        with storage.doubting(path):
            await self.inner.discard(path, own)
            async with storage.index.lock:
                await storage.index.enter(folder, (), [name], ours=True)

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """Bring it back, then enter it."""
        storage = self._storage
        trashed = await self.inner.find(key)
        await storage.need_parent(target)
        if replace:
            # The row of what stands there must not be taken for that of what comes.
            with suppress(NotFound):
                await self.discard(target)
        with storage.doubting(target):
            node = await self.inner.restore(key, target, replace=replace)
            identity = await storage.observer.identify(target)
            if identity is not None and trashed.node.id:
                identity = identity._replace(id=trashed.node.id)
            return await storage.enter(target, node, identity)


class IndexedVersions(PassedVersions):
    """Former content; when it becomes the present one that is entered like an upload."""

    def __init__(self, storage: Indexed, inner: Versions) -> None:
        super().__init__(inner)
        self._storage = storage

    async def restore(self, path: Path, key: str) -> Node:
        """Make it the present content, then enter it."""
        storage = self._storage
        await storage.observer.known(path)
        with storage.doubting(path):
            node = await self.inner.restore(path, key)
            return await storage.enter(path, node, await storage.observer.identify(path))
