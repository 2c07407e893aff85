"""Uploads that go on where they stand: each request brings the next bytes."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ...errors import ChecksumMismatch, ClawgateError, OffsetMismatch, PieceMismatch, QuotaExceeded, TooLarge, UploadGone
from ...interfaces import Body, Parts, Storage
from ...model.content import Checksum, Written
from ...model.space import Space
from ...model.upload import Upload
from .incoming import Incoming
from .means import Means
from .publishing import Publication, Publisher


@attrs.frozen
class Content:
    """What a request brings."""

    body: Body
    length: int | None
    """Bytes; None: not announced."""
    checksums: Sequence[Checksum]
    undivided: bool
    """All of it counts or nothing."""


class Appending:
    """Writes what comes, and notes from time to time how far it is safe."""

    def __init__(self, means: Means, publisher: Publisher) -> None:
        self._means = means
        self._publisher = publisher

    async def append(
        self,
        upload: Upload,
        space: Space,
        offset: int,
        content: Content,
        publication: Publication | None,
    ) -> tuple[Upload, Written | None]:
        """See `Uploads.append`."""
        storage, parts = await self._means.open(space)
        incoming = Incoming(content.body, self._means.clock)
        await self._means.writers.clear(upload.id)
        with self._means.writers.at_work(upload.id, incoming=incoming):
            there = await self._means.fresh(upload.id)
            # What was announced just now; see `Uploads.announce`.
            late = there.size is None and upload.size is not None
            if late:
                there = attrs.evolve(there, size=upload.size)
            request = _Request(
                self._means, self._publisher, there, space, storage, parts, incoming, publication, late, there.offset
            )
            await request.admit(offset, content.length)
            if there.finished:
                return there, None
            await request.receive(content)
            return await request.end()


@attrs.define
class _Request:
    """One request at work."""

    _means: Means
    _publisher: Publisher
    _upload: Upload
    """As the state has it."""
    _space: Space
    _storage: Storage
    _parts: Parts
    _incoming: Incoming
    _publication: Publication | None
    _late: bool
    """The state does not know the size yet."""
    _at: int
    """How far the storage has it."""

    async def admit(self, offset: int, length: int | None) -> None:
        """Refuse what can be refused before the body is read."""
        if offset != self._upload.offset:
            raise OffsetMismatch(f"the upload stands at byte {self._upload.offset}", self._upload.offset)
        room, excess = await self._room()
        if room is not None and length is not None and length > room:
            raise excess
        self._incoming.limit(room, excess)

    async def receive(self, content: Content) -> None:
        """Write what comes until the client has sent all or breaks off."""
        start, incoming, length = self._at, self._incoming, content.length
        compute = self._means.computed(self._upload, self._space)
        step = None if content.undivided else self._means.limits.checkpoint_bytes
        while True:
            try:
                self._at += await self._parts.write_at(
                    self._upload.handle,
                    self._at,
                    incoming.segment(step),
                    alone=True,
                    compute=compute,
                    checksums=content.checksums,
                )
            except ChecksumMismatch as error:
                if incoming.failure is not None:
                    raise incoming.failure from None
                raise PieceMismatch(str(error)) from error
            except UploadGone:
                raise await self._gone() from None
            if incoming.failure is not None and content.undivided:
                raise incoming.failure
            if incoming.ended or (length is not None and self._at - start >= length):
                return
            await self._advance()
            if self._upload.size is None:
                incoming.limit(*await self._room())

    async def end(self) -> tuple[Upload, Written | None]:
        """Publish if everything is there, else note how far it got."""
        failure = self._incoming.failure
        if self._publication is not None and failure is None and self._at == self._upload.size:
            return await self._publish(self._publication)
        await self._advance()
        if failure is not None:
            raise failure
        if self._late and self._at == self._upload.size:
            await self._means.stored.resize(self._upload, self._at, now=self._means.now())
        return self._upload, None

    async def _publish(self, publication: Publication) -> tuple[Upload, Written]:
        upload = self._upload
        try:
            written = await self._publisher.publish(
                upload.handle, self._at, self._parts, self._storage, publication, (upload.id,)
            )
        except ChecksumMismatch:
            await self._means.drop(upload, self._parts)
            raise
        except UploadGone:
            raise await self._gone() from None
        except Exception:
            # Also when it was cancelled. The last byte is sent again to try again.
            await self._advance()
            raise
        return await self._publisher.note(upload, publication.place.path, written), written

    async def _advance(self) -> None:
        """Note that everything up to `_at` is safe; the very last byte of what is to be published does not count yet."""
        upload, at = self._upload, self._at
        if self._publication is not None and at == upload.size:
            at = max(upload.offset, at - 1)
        if at != upload.offset:
            expires = self._means.expiry()
            await self._means.stored.advance(upload.id, upload.offset, at, expires)
            self._upload = attrs.evolve(upload, offset=at, expires=expires)

    async def _room(self) -> tuple[int | None, ClawgateError]:
        """How many more bytes may come (None: any number), and what to say if there are more."""
        size = self._upload.size
        if size is not None:
            return max(0, size - self._at), TooLarge(f"{size} bytes were announced, and there are more")
        return await self._means.quotas.left(self._space, self._storage), QuotaExceeded("the quota is used up")

    async def _gone(self) -> ClawgateError:
        """What to say of bytes that the storage does not have."""
        done = await self._publisher.recover(self._upload, self._parts)
        if done is not None:
            return OffsetMismatch("the upload is finished", done.offset)
        return await self._means.lost(self._upload, self._storage)
