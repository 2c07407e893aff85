"""The sessions: begun, written to, finished. Parts go straight to where the storage keeps them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.interfaces import IReactorTime

from ... import settings
from ...errors import (
    AlreadyExists,
    Forbidden,
    LengthMismatch,
    NotSupported,
    Overloaded,
    QuotaExceeded,
    TooLarge,
    UploadGone,
)
from ...interfaces import Body
from ...model.content import Checksum, Intent, Written
from ...model.people import Actor
from ...model.permissions import Permissions
from ...model.space import Place, Space
from ...model.upload import Part, Upload
from ...state.uploads import Uploads as StoredUploads
from ..quota import Quotas
from ..storages import Storages
from ..tree import Guard, Tokens, Tree
from .appending import Appending, Content
from .chunks import Chunks
from .joining import Joining
from .layout import END, Chunk
from .means import Means
from .publishing import NONE, Publication, Publisher
from .writers import Writers

__all__ = ["Chunk", "Publication", "Uploads"]


class Uploads:
    """Sessions of all users."""

    def __init__(
        self,
        stored: StoredUploads,
        storages: Storages,
        tree: Tree,
        quotas: Quotas,
        limits: settings.Uploads,
        clock: IReactorTime,
        now: Callable[[], float],
    ) -> None:
        """`now` tells the seconds since 1970."""
        writers = Writers(limits.lock_seconds, clock)
        self._means = Means(stored, storages, tree, quotas, limits, clock, now, writers)
        self._publisher = Publisher(self._means)
        self._appending = Appending(self._means, self._publisher)
        self._chunks = Chunks(self._means, self._publisher)
        self._joining = Joining(self._means, self._publisher)

    # The life of a session

    async def begin(
        self,
        actor: Actor,
        place: Place,
        dialect: str,
        key: str = "",
        *,
        size: int | None = None,
        checksums: tuple[Checksum, ...] = (),
        mtime_ns: int | None = None,
        extra: Mapping[str, Any] | None = None,
        tokens: Tokens = NONE,
        guard: Guard | None = None,
    ) -> Upload:
        """Start a session that its owner calls `key` (empty: by its id), for `size` bytes if that is known.

        If `place` has a path, everything that can be refused before the content is known is refused now; the root of a space
        means that it will be said at the end. Raises `AlreadyExists`, `NotSupported`, `QuotaExceeded`, `TooLarge`, `Overloaded`,
        and what `Tree.put` raises before it reads.
        """
        if size is not None and size > END:
            raise TooLarge("no storage holds files of this size")
        if not place.permissions & (Permissions.WRITE | Permissions.CREATE):
            raise Forbidden("you have no permission to do this here")
        space = place.space
        storage, parts = await self._means.open(space)
        frees = 0
        if place.path:
            frees = await self._publisher.admit(Publication(actor, place, Intent(), tokens, guard), storage)
        id, now = secrets.token_hex(16), self._means.now()
        upload = Upload(
            id=id,
            owner=actor.id,
            space=space.id,
            handle="",
            dialect=dialect,
            key=key or id,
            path=place.path,
            size=size,
            offset=0,
            created=now,
            expires=self._means.expiry(),
            checksums=checksums,
            mtime_ns=mtime_ns,
            extra=extra or {},
            frees=frees,
        )
        budget = await self._means.quotas.budget(space, storage)
        left = await self._means.quotas.left(space, storage)
        with self._means.quotas.noting(space, id, left, max(0, (size or 0) - frees)):
            upload = attrs.evolve(upload, handle=await parts.begin(size))
            try:
                await self._means.stored.create(upload, now=now, budget=budget, most=self._means.limits.per_user)
            except (AlreadyExists, Overloaded, QuotaExceeded):
                await self._means.abandon(parts, upload.handle)
                raise
            except Exception:
                # Also when it was cancelled: it may have been noted all the same, and nobody would know of it.
                await self._means.drop(upload, parts)
                raise
        return upload

    async def find(self, actor: Actor, dialect: str, key: str) -> Upload:
        """The actor's own session called `key`, also a finished one. Raises `UploadGone`.

        Whatever can be done to a session begins here, and the owner may have begun it with other credentials than these: raises
        `Forbidden` if these are good for reading only, and does not know those in spaces that they are not good for.
        """
        scope = actor.scope
        if scope.read_only:
            raise Forbidden("you have no permission to do this here")
        upload = await self._means.stored.find(actor.id, dialect, key)
        if upload is None or upload.expires <= self._means.now() or scope.space not in ("", upload.space):
            raise UploadGone("this upload is unknown, finished or expired")
        return upload

    async def settled(self, upload: Upload, space: Space | None = None) -> Upload:
        """The session as it stands once a request that a dead connection has left behind is out of the way.

        With `space` it is also found out whether it was published and the note of that was lost. Raises `Locked` if a request is
        still busy, `UploadGone`.
        """
        if await self._means.writers.room(upload.id):
            upload = await self._means.fresh(upload.id)
        if space is None or upload.finished or not upload.path:
            return upload
        _, parts = await self._means.open(space)
        return await self._publisher.recover(upload, parts) or upload

    async def parts(self, upload: Upload) -> list[Part]:
        """What has arrived of a session in chunks."""
        return await self._means.stored.parts(upload.id)

    async def announce(self, upload: Upload, space: Space, size: int) -> Upload:
        """Note the length of a session that was begun without.

        If all has arrived already, the length is noted only with the end, by `append`: a session whose length is known and whose
        offset is as great counts as finished. Raises `LengthMismatch`, `QuotaExceeded`, `TooLarge`, `UploadGone`.
        """
        if upload.size == size:
            return upload
        if upload.size is not None:
            raise LengthMismatch(f"{upload.size} bytes were announced before, {size} are now")
        if size > END:
            raise TooLarge("no storage holds files of this size")
        if size != upload.offset:
            storage, _ = await self._means.open(space)
            budget = await self._means.quotas.budget(space, storage)
            left = await self._means.quotas.left(space, storage, apart=(upload.id,))
            with self._means.quotas.noting(space, upload.id, left, max(0, size - upload.frees)):
                await self._means.stored.resize(upload, size, now=self._means.now(), budget=budget)
        return attrs.evolve(upload, size=size)

    async def promise(self, upload: Upload, checksums: tuple[Checksum, ...], mtime_ns: int | None) -> Upload:
        """Note what is said of the whole content only now. Raises `UploadGone`."""
        await self._means.stored.note(upload.id, checksums, mtime_ns)
        return attrs.evolve(upload, checksums=checksums, mtime_ns=mtime_ns)

    async def abort(self, upload: Upload, space: Space) -> None:
        """End a session and throw its bytes away; one that has ended is no error. Raises `Locked` while somebody writes."""
        _, parts = await self._means.open(space)
        await self._means.writers.clear(upload.id)
        with self._means.writers.at_work(upload.id):
            try:
                # Its handle may be another one by now.
                upload = await self._means.stored.get(upload.id)
            except UploadGone:
                return
            await self._means.discard(upload, parts)

    # Content

    async def append(
        self,
        upload: Upload,
        space: Space,
        offset: int,
        body: Body,
        *,
        length: int | None,
        checksums: Sequence[Checksum] = (),
        undivided: bool = False,
        publication: Publication | None = None,
    ) -> tuple[Upload, Written | None]:
        """Go on at `offset` with `length` bytes (None: as many as come); publish when the last one is there.

        What has come before the client broke off counts, unless `checksums` of this piece were announced or it is `undivided`:
        then all of it counts or nothing. The last byte counts only when the file is published: until then it can be sent again.
        Returns the session as it stands and, if it was published, the outcome.

        Raises `OffsetMismatch`, `Locked`, `TooLarge`, `UploadGone`, `PieceMismatch`, `QuotaExceeded`, and what `Tree.put` raises.
        When the whole has not the checksum that was announced for it (`ChecksumMismatch`), the session is over.
        """
        content = Content(body, length, checksums, undivided or bool(checksums))
        return await self._appending.append(upload, space, offset, content, publication)

    async def put_part(self, upload: Upload, space: Space, chunk: Chunk, body: Body, *, foreseen: Sequence[str] = ()) -> Part:
        """Write a chunk; one with the same name is replaced. A chunk of which not everything comes does not count.

        `foreseen` are algorithms of checksums that the client is likely to announce at the end.
        Raises `UploadGone`, `QuotaExceeded`, `TooLarge`, `LengthMismatch`, `Locked`, `InvalidRequest` (see `layout.place`).
        """
        return await self._chunks.put(upload, space, chunk, body, foreseen)

    async def has_part(self, upload: Upload, name: str) -> bool:
        """Whether the chunk called `name` has arrived."""
        return any(part.name == name for part in await self._means.stored.near(upload.id, name, 0, 0))

    async def drop_part(self, upload: Upload, name: str) -> None:
        """Forget a chunk. Raises `UploadGone` if there is none."""
        if not await self._means.stored.drop_part(upload.id, name):
            raise UploadGone("there is no such chunk")

    # The end

    async def finish(self, upload: Upload, publication: Publication) -> Written:
        """Publish a session in chunks. Asked again, it gives the same outcome as long as that can still be seen.

        Raises `InvalidRequest` for gaps and overlaps, `LengthMismatch`, `Locked`, `UploadGone`, and what `Tree.put` raises; the
        session stays then, and can be finished again.
        """
        place = publication.place
        if place.space.id != upload.space:
            raise NotSupported("an upload cannot be finished in another space than it was begun in")
        storage, parts = await self._means.open(place.space)
        await self._means.writers.clear(upload.id)
        with self._means.writers.at_work(upload.id):
            upload = await self._means.fresh(upload.id)
            if upload.finished:
                return await self._publisher.again(upload, storage, publication)
            upload, size = await self._chunks.whole(upload, parts, publication.intent.size)
            try:
                written = await self._publisher.publish(upload.handle, size, parts, storage, publication, (upload.id,))
            except UploadGone:
                raise await self._means.lost(upload, storage) from None
            await self._publisher.note(upload, place.path, written)
        return written

    async def join(
        self, uploads: Sequence[Upload], publication: Publication, dialect: str, extra: Mapping[str, Any]
    ) -> tuple[Upload, Written]:
        """Publish the contents of complete sessions that were to be pieces, one after the other, as one file; they are gone then.

        Raises `InvalidRequest` if one is not complete or goes elsewhere, and what `finish` raises; the pieces stay then. Asked
        again as long as they are there, it gives the same outcome.
        """
        return await self._joining.join(uploads, publication, dialect, extra)

    async def put(self, publication: Publication, body: Body, dialect: str, extra: Mapping[str, Any]) -> tuple[Upload, Written]:
        """Write a whole file in one request, and remember it as a session that is finished. Errors as `Tree.put`."""
        written = await self._means.tree.put(
            publication.actor,
            publication.place,
            body,
            publication.intent,
            tokens=publication.tokens,
            guard=publication.guard,
        )
        return await self._publisher.remember(publication, dialect, extra, written), written

    # For the janitor

    async def expired(self) -> list[Upload]:
        """Unfinished sessions whose time is up. Outcomes whose time is up are forgotten."""
        now = self._means.now()
        await self._means.stored.forget_finished(now)
        return await self._means.stored.expired(now)

    async def throw_away(self, upload: Upload, space: Space | None) -> bool:
        """Forget an expired session together with its bytes; `space` None: nobody knows any more where they would be.

        Returns False, and does nothing, if somebody is at work on it.
        """
        parts = None if space is None else (await self._means.open(space))[1]
        if self._means.writers.of(upload.id):
            return False
        with self._means.writers.at_work(upload.id):
            try:
                upload = await self._means.stored.get(upload.id)
            except UploadGone:
                return False
            if upload.expires > self._means.now():
                return False
            if parts is not None and upload.handle:
                await parts.abort(upload.handle)
            await self._means.stored.delete(upload.id)
        return True

    async def handles(self, space: Space) -> frozenset[str]:
        """Handles of all unfinished sessions of a space."""
        return await self._means.stored.handles(space.id)
