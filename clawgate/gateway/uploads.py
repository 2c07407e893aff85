"""Uploads that take several requests: one model for every dialect. Parts go straight to where the storage keeps them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress

import attrs

from ..errors import InvalidRequest, LengthMismatch, NotSupported, UploadGone
from ..interfaces import Body, Parts, Storage
from ..model.content import Intent, Written
from ..model.path import ROOT
from ..model.people import Actor
from ..model.space import Place, Space
from ..model.upload import Part, Upload
from ..mutex import Mutex
from ..state.uploads import Uploads as StoredUploads
from .quota import Quotas, limited
from .storages import Storages
from .tree import Guard, Tokens, Tree

DAY = 86400.0


def covered(parts: tuple[Part, ...]) -> int:
    """Bytes from the start up to the first gap."""
    end = 0
    for part in sorted(parts, key=lambda part: part.start):
        if part.start > end:
            break
        end = max(end, part.stop)
    return end


class Uploads:
    """Sessions of all users."""

    def __init__(
        self, stored: StoredUploads, storages: Storages, tree: Tree, quotas: Quotas, life: float, now: Callable[[], float]
    ) -> None:
        """A session that nobody writes to is thrown away after `life` seconds; `now` tells the seconds since 1970."""
        self._stored = stored
        self._storages = storages
        self._tree = tree
        self._quotas = quotas
        self._life = life
        self._now = now
        self._changing = Mutex()

    async def begin(self, actor: Actor, space: Space, dialect: str, key: str, size: int | None) -> Upload:
        """Start a session that its owner calls `key`. Raises `AlreadyExists`, `NotSupported`, `QuotaExceeded`."""
        storage = await self._storages.of(space)
        parts = self._parts(storage)
        left = await self._quotas.left(space, storage)
        with self._quotas.claim(space, left, size):
            handle = await parts.begin(size)
        now = self._now()
        upload = Upload(secrets.token_urlsafe(16), actor.id, space.id, handle, dialect, key, ROOT, size, 0, now, now + self._life)
        try:
            await self._stored.create(upload)
        except BaseException:
            await parts.abort(handle)
            raise
        return upload

    async def find(self, actor: Actor, dialect: str, key: str) -> Upload:
        """The actor's own session called `key`. Raises `UploadGone`."""
        upload = await self._stored.find(actor.id, dialect, key)
        if upload is None or upload.expires <= self._now():
            raise UploadGone("this upload is unknown, finished or expired")
        return upload

    async def write(self, upload: Upload, space: Space, part: Part, body: Body) -> Upload:
        """Write `part` (its `stop` is what was announced, or its `start` if nothing was); returns the session as it stands then.

        A part that arrives again replaces what it was. Raises `UploadGone`, `QuotaExceeded`, `LengthMismatch`.
        """
        storage = await self._storages.of(space)
        left = await self._quotas.left(space, storage)
        with self._quotas.claim(space, left, part.stop - part.start):
            content = body if left is None else limited(body, left)
            written = await self._parts(storage).write_at(upload.handle, part.start, content)
        if part.stop > part.start and written != part.stop - part.start:
            raise LengthMismatch(f"{written} bytes arrived of {part.stop - part.start}")
        part = part._replace(stop=part.start + written)
        async with self._changing:
            now = await self._stored.get(upload.id)
            parts = (*(other for other in now.parts if other.name != part.name), part)
            changed = attrs.evolve(now, parts=parts, offset=covered(parts), expires=self._now() + self._life)
            await self._stored.update(changed)
        return changed

    async def finish(
        self, actor: Actor, upload: Upload, place: Place, intent: Intent, *, tokens: Tokens, guard: Guard | None = None
    ) -> Written:
        """Publish the session at `place`. `intent.size` None: all that has arrived.

        Raises `InvalidRequest` for gaps, `LengthMismatch`, and what `Tree.put` raises; the session stays then.
        """
        if place.space.id != upload.space:
            raise NotSupported("an upload cannot be finished in another space than it was begun in")
        end = max((part.stop for part in upload.parts), default=0)
        if upload.offset != end:
            raise InvalidRequest(f"a part is missing at byte {upload.offset}")
        if intent.size is not None and intent.size != end:
            raise LengthMismatch(f"{end} bytes arrived, {intent.size} were announced")
        storage = await self._storages.of(place.space)
        intent = attrs.evolve(intent, size=end)
        intent, left = await self._tree.admit(actor, place, storage, intent, tokens, guard)
        with self._quotas.claim(place.space, left, end):
            written = await self._parts(storage).finish(upload.handle, place.path, intent)
        await self._stored.delete(upload.id)
        return written

    async def abort(self, upload: Upload, space: Space) -> None:
        """End a session and throw its bytes away."""
        await self._stored.delete(upload.id)
        await self._parts(await self._storages.of(space)).abort(upload.handle)

    async def handles(self, space: Space) -> frozenset[str]:
        """Handles of the sessions that are still running in a space; expired ones are forgotten."""
        for upload in await self._stored.expired(self._now()):
            with suppress(UploadGone):
                await self._stored.delete(upload.id)
        return frozenset(upload.handle for upload in await self._stored.all() if upload.space == space.id)

    def _parts(self, storage: Storage) -> Parts:
        if storage.abilities.parts is None:
            raise NotSupported("this storage does not take uploads in parts")
        return storage.abilities.parts
