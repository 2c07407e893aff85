"""Uploads whose chunks have names and come in any order, several at a time."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ...errors import ClawgateError, InvalidRequest, LengthMismatch, QuotaExceeded, TooLarge, UploadGone
from ...interfaces import Body, Parts, Piece, Storage
from ...model.space import Space
from ...model.upload import Part, Upload
from .incoming import Incoming
from .layout import END, Chunk, complete, in_order, place
from .means import Means
from .publishing import Publisher


class Chunks:
    """Finds a place for each chunk and writes it there; puts in order what came to lie in another one."""

    def __init__(self, means: Means, publisher: Publisher) -> None:
        self._means = means
        self._publisher = publisher

    async def put(self, upload: Upload, space: Space, chunk: Chunk, body: Body, foreseen: Sequence[str]) -> Part:
        """See `Uploads.put_part`."""
        storage, parts = await self._means.open(space)
        if (chunk.start or 0) + (chunk.length or 0) > END:
            raise TooLarge("no storage holds files of this size")
        incoming = Incoming(body, self._means.clock)
        part, old = await self._place(upload, chunk)
        measured = chunk.length is not None
        with self._means.writers.at_work(
            upload.id, incoming=incoming, start=part.start, stop=part.stop, name=chunk.name, measured=measured
        ):
            upload = await self._means.fresh(upload.id)
            if upload.finished:
                raise UploadGone("this upload is finished")
            left = None
            if upload.size is None:
                left = await self._means.quotas.left(space, storage, 0 if old is None else old.stop - old.start)
            incoming.limit(*_limit(upload, chunk, part, left))
            with self._means.quotas.claim(space, left, chunk.length):
                if old is not None:
                    # While it is overwritten it is neither what it was nor what it will be.
                    await self._means.stored.drop_part(upload.id, chunk.name)
                compute = (*self._means.computed(upload, space), *foreseen)
                try:
                    written = await parts.write_at(upload.handle, part.start, incoming.segment(None), compute=compute)
                except UploadGone:
                    raise await self._gone(upload, storage, parts) from None
                if incoming.failure is not None:
                    raise incoming.failure
                if chunk.length is not None and written != chunk.length:
                    raise LengthMismatch(f"{written} bytes arrived of {chunk.length}")
                part = part._replace(stop=part.start + written)
                await self._means.stored.add_part(upload.id, part, self._means.limits.parts, self._means.expiry())
        return part

    async def _gone(self, upload: Upload, storage: Storage, parts: Parts) -> UploadGone:
        """What to say of bytes that the storage does not have."""
        if await self._publisher.recover(upload, parts) is not None or not upload.path:
            # Without a path nobody can tell yet: the client may know where it has been published, and ask for that again.
            return UploadGone("this upload is finished")
        return await self._means.lost(upload, storage)

    async def _place(self, upload: Upload, chunk: Chunk) -> tuple[Part, Part | None]:
        """Where `chunk` goes, and the one of its name that it replaces. There is room for it if there is no pause after."""
        writers = self._means.writers
        while True:
            departures = writers.departures
            known = await self._known(upload, chunk)
            if departures != writers.departures:
                # Who has left meanwhile has noted a chunk that is neither known to us nor on its way.
                continue
            flying = [writer for writer in writers.of(upload.id) if writer.name]
            unknown = next((one for one in flying if not one.measured and one.name != chunk.name), None)
            if chunk.start is None and unknown is not None:
                # What comes behind it cannot be placed before it has ended.
                await writers.room(upload.id, unknown.start, unknown.stop)
                continue
            part = place(chunk, known, [Part(one.name, one.start, one.stop) for one in flying], upload.size)
            if not await writers.room(upload.id, part.start, part.stop):
                return part, next((other for other in known if other.name == chunk.name), None)

    async def _known(self, upload: Upload, chunk: Chunk) -> list[Part]:
        """The chunks that matter for the place of `chunk`, and the one that it replaces."""
        if chunk.start is None:
            return await self._means.stored.parts(upload.id)
        stop = END if chunk.length is None else chunk.start + chunk.length
        return await self._means.stored.near(upload.id, chunk.name, chunk.start, stop)

    async def whole(self, upload: Upload, parts: Parts, announced: int | None) -> tuple[Upload, int]:
        """See to it that the content behind the handle is in order; returns the session and the size of the content.

        Raises `LengthMismatch` and `InvalidRequest` as `layout.complete`.
        """
        if announced is not None and upload.size is not None and announced != upload.size:
            raise LengthMismatch(f"{upload.size} bytes were announced at first, {announced} are now")
        found = complete(await self._means.stored.parts(upload.id), upload.size if announced is None else announced)
        size = sum(part.stop - part.start for part in found)
        if not in_order(found):
            upload = await self._rearrange(upload, parts, found)
        return upload, size

    async def _rearrange(self, upload: Upload, parts: Parts, found: Sequence[Part]) -> Upload:
        """Put the file together anew. Killed in between, one of the two handles is named by no session and the janitor's."""
        handle = await parts.assemble([Piece(upload.handle, part.start, part.stop) for part in found])
        moved, at = [], 0
        for part in found:
            moved.append(Part(part.name, at, at + part.stop - part.start))
            at = moved[-1].stop
        try:
            await self._means.stored.rearrange(upload.id, handle, moved)
        except UploadGone:
            # Only then it is sure that the state does not name the new one.
            await self._means.abandon(parts, handle)
            raise
        await self._means.abandon(parts, upload.handle)
        return attrs.evolve(upload, handle=handle)


def _limit(upload: Upload, chunk: Chunk, part: Part, left: int | None) -> tuple[int, ClawgateError]:
    """How many bytes of `chunk` may come, and what to say if there are more; `left` is the quota for them (None: any)."""
    room = part.stop - part.start
    if chunk.length is not None:
        return room, TooLarge(f"the chunk is longer than the {chunk.length} bytes that were announced")
    if left is not None and left < room:
        return left, QuotaExceeded("the quota is used up")
    if upload.size is not None and part.stop >= upload.size:
        return room, TooLarge(f"{upload.size} bytes were announced, and there are more")
    return room, InvalidRequest(f"chunk {chunk.name} overlaps the one behind it")
