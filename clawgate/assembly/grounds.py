"""Where the files of spaces are that people make and remove."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, cast

from ..interfaces import Storage
from ..model.path import ROOT, Path
from ..model.space import Space
from ..state.uploads import Uploads as StoredUploads
from ..storage.posix.clearing import clear, forget

if TYPE_CHECKING:
    from ..storage.s3.driver import S3Storage
    from .core import Core


class Grounds:
    """Makes and clears them; see `gateway.making.Ground`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def vacant(self, space: Space) -> bool:
        """Whether nothing is there where a new space would be. Raises `StorageUnavailable`."""
        if self._driver(space) == "posix":
            return not await self._core.files.run(os.path.lexists, space.root)
        if self._driver(space) == "s3":
            return await self._core.buckets.is_vacant(space)
        # In memory nothing is anywhere before it is made.
        return True

    async def make(self, space: Space) -> None:
        """Make its folder; one that is there is no error. Raises `StorageUnavailable`, `QuotaExceeded`."""
        if self._driver(space) == "posix":
            await self._core.homes.make(space)

    async def clear(self, space: Space) -> None:
        """Remove all that is there, and all that is known of it. Raises `StorageUnavailable`."""
        core = self._core
        await StoredUploads(core.state).expire_space(space.id)
        if self._driver(space) == "posix":
            own = await self._own(space)
            await self._let_go(space)
            await core.scan.run(clear, space.root, _key(space), own)
        else:
            if space.id not in core.opening.raw:
                # Requests that came while the last attempt ended may have left one of the two.
                await self._let_go(space)
            storage = await core.storages.of(space)
            if self._driver(space) == "s3":
                await cast("S3Storage", core.opening.raw[space.id]).clear()
            else:
                await _empty(storage)
        # Requests that were under way may have opened it again.
        await self._let_go(space)
        await core.locks.forget(space.id, ROOT)
        await core.properties.forget_space(space.id)
        await core.index.forget(space.id)

    async def end(self, space: Space) -> None:
        """Remove the sign that all was removed, now that it is noted; without one nothing happens. Raises
        `StorageUnavailable`."""
        if self._driver(space) == "posix":
            await self._core.scan.run(forget, space.root, _key(space))

    async def _own(self, space: Space) -> str:
        """What its root called itself when somebody last looked; empty: nobody knows."""
        if not await self._core.index.knows(space.id):
            return ""
        chain, _ = await (await self._core.index.space(space.id)).chain(ROOT)
        return chain[0].own if chain else ""

    def _driver(self, space: Space) -> str:
        return self._core.settings.mounts[space.mount].driver

    async def _let_go(self, space: Space) -> None:
        """Nobody looks after it any more."""
        core = self._core
        await core.storages.forget(space.id)
        core.opening.forget(space.id)
        core.generations.forget(space.id)
        await core.followers.drop(space.id)


def _key(space: Space) -> str:
    return space.id.partition("$")[2]


async def _empty(storage: Storage) -> None:
    """Remove all that is on it, for good."""
    names = [node.name async for page in (await storage.list(ROOT)).pages for node in page]
    for name in names:
        await storage.remove(Path(name))
    trash, versions = storage.abilities.trash, storage.abilities.versions
    if trash is not None:
        entries = [entry.key async for page in trash.list() for entry in page]
        for key in entries:
            await trash.purge(key)
    if versions is not None:
        await versions.expire(time.time() + 1)
