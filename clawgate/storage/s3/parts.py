"""Uploads in pieces: segments in the hidden folder, which the service puts together at the end.

Not one multipart upload at the final key from the beginning: what was sent to it could not be read until it is published, but
whoever goes on in another process, or out of order, has to work out the checksum of all of it before; and its metadata (time, id)
would have to be known before they are. So content is staged, and `finish` has the service copy it, several parts at a time.
Nothing but what is shorter than the smallest part of S3 passes through here again.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence

import attrs
from twisted.internet.defer import Deferred

from ...errors import ChecksumMismatch, ClawgateError, LengthMismatch, Locked, NotFound, QuotaExceeded, UploadGone
from ...interfaces import Body, Parts, Piece
from ...log import make_logger
from ...model.content import Checksum, Intent, Written
from ...model.path import Path, name
from ..blocks import Handles, Work, Writer
from ..checksums import Digests
from .facts import nanoseconds
from .ground import Ground
from .joining import blocks, join, read
from .multipart import Multipart
from .options import LARGEST_OBJECT, MOST_PARTS, SMALLEST_PART
from .orders import Order, order
from .owners import me
from .publishing import Publisher, put
from .segments import Run, Segment, end, named, parse, runs

log = make_logger()

_HANDLE = re.compile(r"([0-9a-f]{32})-([0-9a-f]{1,10})")
_FRESH = 3600.0
"""Seconds for which an upload that nobody names is left to a process that still lives."""


class S3Parts(Parts):
    """See the module."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._handles = Handles()
        self._last = 0

    async def begin(self, size: int | None) -> str:
        """See `Parts.begin`."""
        if (size or 0) > LARGEST_OBJECT:
            raise QuotaExceeded("the file is too large for the storage")
        block = max(self._ground.options.part_bytes, -(-(size or 0) // (MOST_PARTS - 1000)))
        handle = f"{secrets.token_hex(16)}-{block:x}"
        await self._ground.control.call("put_object", Key=self._key(handle, "begun"), Body=me().text.encode())
        self._handles.of(handle).fresh = True
        return handle

    async def write_at(
        self,
        handle: str,
        offset: int,
        body: Body,
        *,
        alone: bool = False,
        compute: Sequence[str] = (),
        checksums: Sequence[Checksum] = (),
    ) -> int:
        """See `Parts.write_at`. Held in memory are a block that is sent, because S3 wants to know its length first, the next one,
        and the bytes after it that make the last segment long enough for a part, so that it need not pass through here again."""
        foreseen = Digests(compute)
        digests = Digests(checksum.algorithm for checksum in checksums)
        block = await self._see(handle)
        if offset > LARGEST_OBJECT:
            raise QuotaExceeded("the file is too large for the storage")
        work = self._handles.of(handle)
        written = 0
        sending: Deferred[None] | None = None
        try:
            with work.writing(offset, alone=alone, foreseen=foreseen if compute else None) as writer:
                try:
                    async for chunk in body:
                        written += len(chunk)
                        if offset + written > LARGEST_OBJECT:
                            raise QuotaExceeded("the file is too large for the storage")
                        digests.update(chunk)
                        writer.block += chunk
                        while len(writer.block) >= block + SMALLEST_PART:
                            before, sending = sending, None
                            if before is not None:
                                await before
                            sending = Deferred.fromCoroutine(self._flush(handle, work, writer, block))
                finally:
                    if sending is not None:
                        await sending
                    await self._flush(handle, work, writer)
                try:
                    digests.verify(checksums)
                except ChecksumMismatch:
                    work.digests = None
                    await self._ground.control.delete(writer.keys)
                    raise
        finally:
            self._handles.tidy(handle)
        return written

    async def assemble(self, pieces: Sequence[Piece]) -> str:
        """See `Parts.assemble`."""
        taken: list[Run] = []
        known: dict[str, Sequence[Segment]] = {}
        for handle, start, stop in pieces:
            if handle not in known:
                await self._see(handle)
                known[handle] = await self._segments(handle)
            if not 0 <= start <= stop <= end(known[handle]):
                raise LengthMismatch(f"the piece reaches from {start} to {stop}, and so many bytes did not come")
            taken += runs(known[handle], start, stop)
        size = sum(run.length for run in taken)
        new = await self.begin(size)
        self._handles.forget(new)
        offset = 0
        try:
            for run in taken:
                await self._take(new, offset, run)
                offset += run.length
        except BaseException:
            await self.abort(new)
            raise
        return new

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """See `Parts.finish`. The content is copied by the service, a call a part."""
        algorithms = {*intent.compute, *(checksum.algorithm for checksum in intent.checksums)}
        Digests(algorithms)
        await self._see(handle)
        work = self._handles.of(handle)
        if work.alone:
            raise Locked("the upload is in use")
        for writer in list(work.writers):
            await self._flush(handle, work, writer)
        segments = await self._segments(handle)
        size = end(segments) if intent.size is None else intent.size
        if size > end(segments):
            raise LengthMismatch(f"{end(segments)} bytes came, {size} were announced")
        placed = await order(self._ground, path, intent, _own(handle))
        made = runs(segments, 0, size)
        digests = await self._digests(work, algorithms, made, size)
        digests.verify(intent.checksums)
        work.gone = True
        try:
            written = await self._publish(placed, made, size, digests.text())
        except BaseException:
            work.gone = False
            raise
        await self.abort(handle)
        return written

    async def published(self, handle: str, path: Path) -> Written | None:
        """See `Parts.published`."""
        if not path or not _HANDLE.fullmatch(handle):
            return None
        facts = await self._ground.file(self._ground.place(path))
        if facts is None or facts.own != _own(handle):
            return None
        try:
            # Who was interrupted has not cleared up.
            await self.abort(handle)
        except ClawgateError as error:
            log.warn("what is left of an upload that was published has to wait for the janitor: {error}", error=error)
        return Written(facts.node(name(path)), facts.id != _new_id(handle), facts.identity())

    async def abort(self, handle: str) -> None:
        """See `Parts.abort`."""
        if _HANDLE.fullmatch(handle):
            work = self._handles.forget(handle)
            if work is not None:
                work.gone = True
            prefix = self._key(handle, "")
            found = await self._ground.all_below(prefix)
            # The mark that it is there goes first: half of an upload is none.
            keys = sorted((one.key for one in found), key=lambda key: not key.endswith("/begun"))
            await self._ground.control.delete(keys)

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`."""
        prefix = self._ground.keys.hidden("uploads", "")
        newest: dict[str, float] = {}
        for one in await self._ground.all_below(prefix):
            handle = one.key[len(prefix) :].partition("/")[0]
            newest[handle] = max(newest.get(handle, 0.0), nanoseconds(one.modified) / 1e9)
        swept = 0
        for handle, at in newest.items():
            age, work = time.time() - at, self._handles.known(handle)
            if handle in keep or age < older_than or (work is not None and work.writers):
                continue
            # One that another process has just begun may not be among those to keep yet.
            if age >= _FRESH or await self._is_left(handle, age):
                await self.abort(handle)
                swept += 1
        return swept

    async def _is_left(self, handle: str, age: float) -> bool:
        try:
            answer = await self._ground.control.call("get_object", Key=self._key(handle, "begun"))
        except NotFound:
            return True
        owner: bytes = await self._ground.control.run(answer["Body"].read)
        return me().left(owner.decode(errors="replace"), age)

    def _key(self, handle: str, last: str) -> str:
        return self._ground.keys.hidden("uploads", handle, last)

    async def _see(self, handle: str) -> int:
        """The length of blocks. Raises `UploadGone`."""
        match = _HANDLE.fullmatch(handle)
        if match is None or await self._ground.control.head(self._key(handle, "begun")) is None:
            raise UploadGone("there is no such upload")
        return int(match[2], 16)

    async def _segments(self, handle: str) -> list[Segment]:
        found = [parse(one.key) for one in await self._ground.all_below(self._key(handle, ""))]
        return [one for one in found if one is not None]

    async def _flush(self, handle: str, work: Work, writer: Writer, most: int | None = None) -> None:
        async def send(offset: int, block: bytes) -> None:
            writer.keys.append(await self._put(handle, offset, block))

        async def update(digests: Digests, block: bytes) -> None:
            await self._ground.control.run(digests.update, block)

        await work.flush(writer, send, update, most)

    async def _put(self, handle: str, offset: int, block: bytes) -> str:
        key = self._key(handle, named(self._number(), offset, len(block)))
        await self._ground.exchange.send(key, [block], {})
        return key

    def _number(self) -> int:
        self._last = max(self._last + 1, time.time_ns())
        return self._last

    async def _take(self, handle: str, offset: int, run: Run) -> None:
        if run.whole:
            key = self._key(handle, named(self._number(), offset, run.length))
            source = {"Bucket": self._ground.control.bucket, "Key": run.key}
            await self._ground.control.call("copy_object", Key=key, CopySource=source)
            return
        async for block in blocks(self._ground, [run], self._ground.options.part_bytes):
            await self._put(handle, offset, block)
            offset += len(block)

    async def _digests(self, work: Work, algorithms: set[str], made: Sequence[Run], size: int) -> Digests:
        wanted = Digests(algorithms)
        if not algorithms:
            return wanted
        if work.digests is not None and work.position == size and work.digests.covers(algorithms):
            return work.digests.only(algorithms)
        async for block in blocks(self._ground, made, self._ground.options.part_bytes):
            await self._ground.control.run(wanted.update, block)
        return wanted

    async def _publish(self, placed: Order, made: Sequence[Run], size: int, checksums: str) -> Written:
        ground = self._ground
        placed = attrs.evolve(placed, id=placed.id if placed.before or placed.intent.id else _new_id_of(placed.own))
        publisher = Publisher(ground, placed)
        if size <= ground.options.small_bytes:
            content = b"".join([await read(self._ground, run) for run in made])
            return await put(publisher, [content], checksums)
        upload = Multipart(ground, placed.key, ground.options.parallel)
        complete = False
        try:
            await upload.begin(**placed.arguments(checksums))
            await join(ground, upload, made)
            arguments = await upload.whole()
            async with ground.locks.hold(placed.key):
                await publisher.look()
                etag = await publisher.call("complete_multipart_upload", **arguments)
            complete = True
        finally:
            await upload.end(complete=complete)
        return publisher.done(etag, size, checksums)


def _own(handle: str) -> str:
    return f"u{handle.partition('-')[0]}"


def _new_id_of(own: str) -> str:
    """The id of a file that replaces none; so that `published` knows later."""
    return f"n{own[1:]}"


def _new_id(handle: str) -> str:
    return _new_id_of(_own(handle))
