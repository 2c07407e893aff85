"""Uploads in pieces: each is written to its place in one hidden file of the space, which is renamed at the end. It lies in the
root, or, where whoever runs EOS has made one, in a folder (`names.STAGING`) that tells those above it of no changes.

Source: eos.md section 3.4. EOS wants to know the length of a part before it comes, so a block is held in memory; a block costs
two round trips. A file that is replaced by a rename would lose its versions and its stable id with its version folder: so EOS is
told to bring back the new content as if it were a version, or, without versions, that folder goes over to the hidden file first
(`placing`).
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Sequence

import attrs

from ...errors import (
    ChecksumMismatch,
    ClawgateError,
    Forbidden,
    LengthMismatch,
    Locked,
    NotFound,
    ParentMissing,
    QuotaExceeded,
    StorageBroken,
    StorageUnavailable,
    UploadGone,
)
from ...interfaces import Body, Parts, Piece
from ...log import make_logger
from ...model.content import Checksum, Intent, Written
from ...model.path import Path, name
from ..blocks import Handles, Work, Writer
from ..checksums import Digests
from .facts import Entry, etag_checksum
from .ground import Ground
from .marks import UPLOAD, is_staged, upload_mark
from .names import CHECKSUMS, EMPTY, PARTS, STAGING, check_new
from .placing import give_up, place, waits
from .transfer import Sent, fetch, open_read, open_write, send
from .writing import LAYOUT, look, write

log = make_logger()

_HANDLE = re.compile(rf"({UPLOAD})-([0-9a-f]{{1,16}})")
_LARGEST = 1 << 50
"""Bytes of one file."""


class EosParts(Parts):
    """See the module. A handle names the hidden file and its inode, which is that of the file it becomes."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._handles = Handles()
        self._staging = (0.0, False)

    async def begin(self, size: int | None) -> str:
        """See `Parts.begin`."""
        ground = self._ground
        if (size or 0) > _LARGEST:
            raise QuotaExceeded("the file is too large for the storage")
        if size:
            left = (await ground.metadata.room(ground.who, ground.root)).available
            if left is not None and size > left:
                raise QuotaExceeded(f"{size} bytes do not fit into the {left} bytes that are left of the quota")
        token = upload_mark(ground.options.deployment, staged=await self._has_staging())
        try:
            inode = await ground.metadata.create(ground.who, self._hidden(token))
        except (Forbidden, NotFound, ParentMissing) as error:
            if not is_staged(token):
                raise
            log.debug("the folder for uploads is of no use: {error}", error=error)
            self._staging = (self._staging[0], False)
            token = upload_mark(ground.options.deployment, staged=False)
            inode = await ground.metadata.create(ground.who, self._hidden(token))
        handle = f"{token}-{inode:x}"
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
        """See `Parts.write_at`. A body with checksums counts as a whole if it is no longer than a block; else its bytes are there
        until they are written over."""
        foreseen = Digests((*compute, *LAYOUT))
        digests = Digests(checksum.algorithm for checksum in checksums)
        await self._see(handle)
        if offset > _LARGEST:
            raise QuotaExceeded("the file is too large for the storage")
        work = self._handles.of(handle)
        written = 0
        try:
            with work.writing(offset, alone=alone, foreseen=foreseen) as writer:
                try:
                    async for chunk in body:
                        written += len(chunk)
                        if offset + written > _LARGEST:
                            raise QuotaExceeded("the file is too large for the storage")
                        digests.update(chunk)
                        writer.block += chunk
                        if len(writer.block) >= self._ground.options.part_bytes:
                            await self._flush(handle, work, writer)
                    self._verify(digests, checksums, work, writer)
                finally:
                    await self._flush(handle, work, writer)
        finally:
            self._handles.tidy(handle)
        return written

    async def assemble(self, pieces: Sequence[Piece]) -> str:
        """See `Parts.assemble`. The content goes through here: EOS cannot put parts of files together."""
        sizes: dict[str, int] = {}
        for handle, start, stop in pieces:
            if handle not in sizes:
                sizes[handle] = (await self._see(handle)).size
            if not 0 <= start <= stop <= sizes[handle]:
                raise LengthMismatch(f"the piece reaches from {start} to {stop}, and {sizes[handle]} bytes came")
        new = await self.begin(None)
        try:
            await self.write_at(new, 0, self._content(pieces, sizes))
        except BaseException:
            await self.abort(new)
            raise
        return new

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """See `Parts.finish`. The last byte is written again, which tells EOS that the file is whole; then it is renamed."""
        algorithms = {*intent.compute, *(checksum.algorithm for checksum in intent.checksums)}
        Digests(algorithms)
        await self._see(handle)
        work = self._handles.of(handle)
        if work.alone:
            raise Locked("the upload is in use")
        for writer in list(work.writers):
            await self._flush(handle, work, writer)
        there = await self._see(handle)
        size = there.size if intent.size is None else intent.size
        if size > there.size:
            raise LengthMismatch(f"{there.size} bytes came, {size} were announced")
        check_new(path)
        before = await look(self._ground, path, intent)
        if before is None:
            await self._ground.see_parent(path)
        digests = await self._digests(handle, work, algorithms, size, there.size)
        digests.verify(intent.checksums)
        work.gone = True
        try:
            if size < there.size:
                return await self._cut(handle, size, path, intent)
            if not size:
                return await self._publish_empty(handle, path, intent, before)
            return await self._publish(handle, work, size, path, intent, before, digests.only(algorithms).text())
        except BaseException:
            work.gone = False
            raise

    async def published(self, handle: str, path: Path) -> Written | None:
        """See `Parts.published`."""
        found = _HANDLE.fullmatch(handle)
        if not path or found is None:
            return None
        try:
            there = await self._ground.entry(path)
        except NotFound:
            return None
        if there.is_folder:
            return None
        replaced = there.replaced
        if there.inode != int(found[2], 16):
            mark = "" if there.size else await self._mark(handle, there)
            if not mark:
                return None
            replaced = mark.split()[1:] == ["1"]
        return Written(there.node(await self._ground.id_of(self._ground.full(path), there)), replaced)

    async def abort(self, handle: str) -> None:
        """See `Parts.abort`."""
        found = _HANDLE.fullmatch(handle)
        if found is None:
            return
        work = self._handles.forget(handle)
        if work is not None:
            work.gone = True
        try:
            await give_up(self._ground, self._hidden(found[1]))
        except NotFound:
            if await self._fetched(found[1], int(found[2], 16)):
                await give_up(self._ground, self._hidden(found[1]))

    def _hidden(self, token: str) -> str:
        return f"{self._ground.root}/{STAGING + '/' if is_staged(token) else ''}{PARTS}{token}"

    async def _has_staging(self) -> bool:
        """Whether there is a folder for uploads; remembered for as long as what one may read."""
        now = self._ground.instance.reactor.seconds()
        if self._staging[0] <= now:
            found = await self._ground.metadata.look(self._ground.who, f"{self._ground.root}/{STAGING}")
            self._staging = (now + self._ground.options.access_seconds, found is not None and found.is_folder)
        return self._staging[1]

    def _file(self, handle: str) -> str:
        return self._hidden(handle.partition("-")[0])

    async def _see(self, handle: str) -> Entry:
        """The hidden file. Raises `UploadGone`."""
        found = _HANDLE.fullmatch(handle)
        there = await self._ground.metadata.describe(self._ground.who, self._hidden(found[1])) if found else None
        if found is not None and there is None and await self._fetched(found[1], int(found[2], 16)):
            there = await self._ground.metadata.describe(self._ground.who, self._hidden(found[1]))
        if found is None or there is None or there.inode != int(found[2], 16):
            raise UploadGone("there is no such upload")
        return there

    async def _fetched(self, token: str, inode: int) -> bool:
        """Put back where it belongs what a kill left among the versions of another file; False: it is not there."""
        metadata, who, hidden = self._ground.metadata, self._ground.who, self._hidden(token)
        try:
            path = await metadata.locate(who, inode)
            if not waits(path, hidden):
                return False
            await metadata.rename(who, path, hidden, replace=False)
        except NotFound:
            return False
        return True

    def _verify(self, digests: Digests, checksums: Sequence[Checksum], work: Work, writer: Writer) -> None:
        try:
            digests.verify(checksums)
        except ChecksumMismatch:
            # What is still here need not be written at all.
            writer.block.clear()
            work.digests = None
            raise

    async def _flush(self, handle: str, work: Work, writer: Writer) -> None:
        async def send(offset: int, block: bytes) -> None:
            await self._put(handle, offset, block, {"x-upload-done": "false"})

        async def update(digests: Digests, block: bytes) -> None:
            await self._ground.instance.workers.run_always(digests.update, block)

        await work.flush(writer, send, update)

    async def _put(self, handle: str, offset: int, block: bytes, fields: dict[str, str]) -> Sent:
        end = offset + len(block)
        # The whole size is not known yet, and must be said: without it EOS takes a part for all there is.
        size = end if fields.get("x-upload-done") == "true" else end + 1
        said = {"x-upload-range": f"bytes={offset}-{end - 1}", "x-upload-totalsize": str(size), **fields}
        ground = self._ground
        handshake = await open_write(ground.instance, ground.who, self._file(handle), said)
        return await send(ground.instance, handshake.url, len(block), _once(block), said)

    async def _read(self, handle: str, size: int, start: int, stop: int) -> AsyncIterator[bytes]:
        """Of the hidden file, whose checksum EOS does not know yet."""
        if start < stop:
            ground = self._ground
            ranged = (await ground.metadata.release(ground.who)).ranges
            handshake = await open_read(ground.instance, ground.who, self._file(handle))
            async for data in fetch(ground.instance, handshake.url, size, start, stop, "", ranged=ranged, verified=False):
                yield data

    async def _content(self, pieces: Sequence[Piece], sizes: dict[str, int]) -> AsyncIterator[bytes]:
        for handle, start, stop in pieces:
            async for data in self._read(handle, sizes[handle], start, stop):
                yield data

    async def _digests(self, handle: str, work: Work, algorithms: set[str], size: int, there: int) -> Digests:
        if work.digests is not None and work.position == size == there and work.digests.covers(algorithms):
            return work.digests
        wanted = Digests(algorithms)
        if algorithms:
            async for block in self._read(handle, there, 0, size):
                await self._ground.instance.workers.run_always(wanted.update, block)
        return wanted

    async def _cut(self, handle: str, size: int, path: Path, intent: Intent) -> Written:
        """What came is longer than what is to be published."""
        shorter = await self.assemble([Piece(handle, 0, size)])
        try:
            written = await self.finish(shorter, path, attrs.evolve(intent, size=size))
        except BaseException:
            await self.abort(shorter)
            raise
        await self.abort(handle)
        return written

    async def _publish(
        self, handle: str, work: Work, size: int, path: Path, intent: Intent, before: Entry | None, checksums: str
    ) -> Written:
        ground = self._ground
        metadata, who, hidden, full = ground.metadata, ground.who, self._file(handle), ground.full(path)
        last = b"".join([data async for data in self._read(handle, size, size - 1, size)])
        mtime = int(time.time()) if intent.mtime_ns is None else intent.mtime_ns // 10**9
        done = {"x-upload-done": "true", "x-upload-mtime": str(mtime)}
        sent = await self._put(handle, size - 1, last, done)
        self._see_whole(work, size, sent)
        inode = int(handle.partition("-")[2], 16)
        noted = f"{inode} {int(before is not None)} {checksums}".strip()
        await metadata.set_attribute(who, hidden, CHECKSUMS, noted)
        async with ground.making:
            if await place(ground, path, intent, hidden, inode):
                await metadata.set_attribute(who, full, CHECKSUMS, noted)
        self._handles.forget(handle)
        ground.changed(path)
        there = await ground.entry(path)
        node = there.node(await ground.id_of(full, there))
        return Written(node._replace(checksums=checksums, name=name(path)), before is not None)

    async def _publish_empty(self, handle: str, path: Path, intent: Intent, before: Entry | None) -> Written:
        """An empty file is another one than the hidden one, which bears the mark of it until the file does."""
        ground = self._ground
        noted = f"{int(handle.partition('-')[2], 16)} {int(before is not None)}"
        await ground.metadata.set_attribute(ground.who, self._file(handle), EMPTY, noted)
        try:
            written = await write(ground, path, _nothing(), attrs.evolve(intent, size=0))
        except StorageUnavailable:
            # Nobody knows what became of it.
            raise
        except ClawgateError:
            await ground.metadata.set_attribute(ground.who, self._file(handle), EMPTY, "refused")
            raise
        await ground.metadata.set_attribute(ground.who, ground.full(path), EMPTY, noted)
        await self.abort(handle)
        return written

    async def _mark(self, handle: str, there: Entry) -> str:
        """The mark if the empty file `there` came from this upload; empty: it did not."""
        token, _, inode = handle.partition("-")
        hidden = await self._ground.metadata.describe(self._ground.who, self._hidden(token))
        marks = [there.empty, "" if hidden is None else hidden.empty]
        return next((mark for mark in marks if mark.partition(" ")[0] == str(int(inode, 16))), "")

    def _see_whole(self, work: Work, size: int, sent: Sent) -> None:
        value = etag_checksum(sent.etag)
        if work.digests is None or work.position != size or len(value) != 8:
            return
        ours = [one.partition(":")[2] for one in work.digests.only(LAYOUT).text().split()]
        if ours and value not in ours:
            raise StorageBroken("the content changed on its way to the storage; it has to be sent again")


async def _once(block: bytes) -> AsyncIterator[bytes]:
    yield block


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
