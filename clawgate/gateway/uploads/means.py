"""What everything that is done to a session needs."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.interfaces import IReactorTime

from ... import settings
from ...errors import ClawgateError, NotSupported, UploadGone
from ...interfaces import Parts, Storage
from ...log import make_logger
from ...model.path import ROOT
from ...model.space import Space
from ...model.upload import Upload
from ...state.uploads import Uploads as StoredUploads
from ..quota import Quotas
from ..storages import Storages
from ..tree import Tree
from .writers import Writers

DAY = 86400.0

log = make_logger()


@attrs.frozen
class Means:
    """The state, the storages, the rules, and who is at work."""

    stored: StoredUploads
    storages: Storages
    tree: Tree
    quotas: Quotas
    limits: settings.Uploads
    clock: IReactorTime
    now: Callable[[], float]
    """Seconds since 1970."""
    writers: Writers

    async def open(self, space: Space) -> tuple[Storage, Parts]:
        """The storage of a space. Raises `NotSupported` if it does not take uploads in parts."""
        storage = await self.storages.of(space)
        if storage.abilities.parts is None:
            raise NotSupported("this storage does not take uploads in parts")
        return storage, storage.abilities.parts

    async def fresh(self, id: str) -> Upload:
        """The session as the state knows it now. Raises `UploadGone`, also for one that an operator has ended."""
        upload = await self.stored.get(id)
        if upload.expires <= 0:
            raise UploadGone("this upload was ended by an operator")
        return upload

    def computed(self, upload: Upload, space: Space) -> tuple[str, ...]:
        """The algorithms of checksums that will be asked for when the session is published."""
        return (*(checksum.algorithm for checksum in upload.checksums), *self.tree.computed(space))

    def expiry(self) -> float:
        """When a session expires that is heard of now."""
        return self.now() + self.limits.days * DAY

    async def discard(self, upload: Upload, parts: Parts) -> None:
        """Forget a session and throw its bytes away. Whatever stays after a kill or a failure is the janitor's."""
        await self.stored.delete(upload.id)
        if upload.handle:
            await parts.abort(upload.handle)

    async def drop(self, upload: Upload, parts: Parts) -> None:
        """`discard` where there is something else to tell than that it failed."""
        try:
            await self.discard(upload, parts)
        except ClawgateError as error:
            log.warn("what is left of upload {id} has to wait for the janitor: {error}", id=upload.id, error=error)

    async def lost(self, upload: Upload, storage: Storage) -> UploadGone:
        """What to say of a session whose bytes the storage does not have; it is forgotten.

        Raises `StorageUnavailable` if the storage is not the one that it was: one that is not mounted has nothing either.
        """
        await storage.list(ROOT)
        await self.stored.delete(upload.id)
        log.warn("the bytes of upload {id} by {owner} are gone", id=upload.id, owner=upload.owner)
        return UploadGone("what had arrived of this upload is gone; it must be begun anew")

    async def abandon(self, parts: Parts, handle: str) -> None:
        """Throw bytes away after a failure that is being reported already."""
        try:
            await parts.abort(handle)
        except ClawgateError as error:
            log.warn("what an upload left behind has to wait for the janitor: {error}", error=error)
