"""Content that arrives in pieces, in any order: one sparse file in the staging folder."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import threading

from ...errors import Disconnected, LengthMismatch, Locked, UploadGone
from ...interfaces import Body, Parts
from ...model.content import Intent, Written
from ...model.path import Path
from ...workers import Workers
from ..checksums import Digests
from .draft import check_room, publish, write_all
from .failures import guarded
from .ground import Ground
from .publishing import check_expected
from .staging import CREATE, Slot, open_staging

_HANDLE = re.compile(r"[0-9a-f]{32}")
_READ = 1024 * 1024


class PosixParts(Parts):
    """The handle is the random part of the file's name."""

    def __init__(self, ground: Ground, workers: Workers) -> None:
        self._ground = ground
        self._workers = workers
        self._writing: dict[str, set[_Part]] = {}

    async def begin(self, size: int | None) -> str:
        """See `Parts.begin`. Raises `QuotaExceeded` if `size` does not fit."""
        return await self._workers.run(self._begin, size)

    async def write_at(self, handle: str, offset: int, body: Body) -> int:
        """See `Parts.write_at`. What `body` gave before it failed is written."""
        part = _Part(self._ground, handle)
        writing = self._writing.setdefault(handle, set())
        writing.add(part)
        try:
            await self._workers.run(part.open)
            block = self._ground.options.block_bytes
            written = held = 0
            chunks: list[bytes] = []
            try:
                async for chunk in body:
                    chunks.append(chunk)
                    held += len(chunk)
                    if held >= block:
                        some, length, chunks, held = chunks, held, [], 0
                        await self._workers.run(part.write, some, offset + written)
                        written += length
            finally:
                if chunks:
                    await self._workers.run_always(part.write, chunks, offset + written)
            return written + held
        finally:
            writing.discard(part)
            if not writing:
                self._writing.pop(handle, None)
            await self._workers.run_always(part.close)

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """See `Parts.finish`. One pass over the content if checksums are asked for.

        Whoever still writes to the handle in this process is cut off; raises `Locked` if another process does.
        """
        part = _Part(self._ground, handle)
        stale = list(self._writing.get(handle, ()))
        try:
            return await self._workers.run(part.finish, path, intent, stale)
        finally:
            part.stop()

    async def abort(self, handle: str) -> None:
        """See `Parts.abort`."""
        await self._workers.run(self._abort, handle)

    def _begin(self, size: int | None) -> str:
        with guarded(""):
            handle = secrets.token_hex(16)
            staging = open_staging(self._ground.root())
            try:
                check_room(staging, size)
                os.close(os.open(_name(handle), CREATE, 0o666, dir_fd=staging))
            finally:
                os.close(staging)
            return handle

    def _abort(self, handle: str) -> None:
        if not _HANDLE.fullmatch(handle):
            return
        with guarded(""):
            staging = open_staging(self._ground.root())
            try:
                os.unlink(_name(handle), dir_fd=staging)
            except FileNotFoundError:
                return
            finally:
                os.close(staging)


class _Part:
    """One piece on its way. `close` waits for a call that still runs in a thread nobody listens to."""

    def __init__(self, ground: Ground, handle: str) -> None:
        self._ground = ground
        self._handle = handle
        self._lock = threading.Lock()
        self._over = False
        self._fd = -1
        if not _HANDLE.fullmatch(handle):
            raise UploadGone("there is no such upload")

    def open(self) -> None:
        """Open the file for writing. Raises `UploadGone`."""
        with self._lock, guarded(""):
            if not self._over:
                staging = open_staging(self._ground.root())
                try:
                    self._fd = self._open(staging, os.O_WRONLY, fcntl.LOCK_SH)
                finally:
                    os.close(staging)

    def write(self, chunks: list[bytes], offset: int) -> None:
        """Write at byte `offset`."""
        with self._lock, guarded(""):
            if self._fd < 0:
                raise Disconnected("the transfer was given up")
            write_all(self._fd, chunks, offset)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._over = True
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)

    def stop(self) -> None:
        """Let a `finish` that nobody waits for any more give up before it publishes."""
        self._over = True

    def finish(self, path: Path, intent: Intent, stale: list[_Part]) -> Written:
        """Verify and publish; nothing may be written any more, for it would show in the published file."""
        for part in stale:
            part.close()
        digests = Digests([*intent.compute, *(checksum.algorithm for checksum in intent.checksums)])
        with guarded(path), self._ground.spot(path, follow=True) as spot:
            check_expected(self._ground, spot, intent.expected)
            slot = Slot(open_staging(spot.root), _name(self._handle))
            try:
                fd = self._open(slot.fd, os.O_RDWR, fcntl.LOCK_EX)
                try:
                    size = os.fstat(fd).st_size
                    if intent.size is not None and intent.size != size:
                        raise LengthMismatch(f"{size} bytes came, {intent.size} were announced")
                    if digests:
                        self._digest(fd, digests)
                        digests.verify(intent.checksums)
                    if self._over:
                        raise Disconnected("the upload was given up")
                    return publish(self._ground, slot, fd, spot, intent, digests.text())
                finally:
                    os.close(fd)
            finally:
                slot.close()

    def _digest(self, fd: int, digests: Digests) -> None:
        offset = 0
        while block := os.pread(fd, _READ, offset):
            digests.update(block)
            offset += len(block)
            if self._over:
                raise Disconnected("the upload was given up")

    def _open(self, staging: int, flags: int, lock: int) -> int:
        try:
            fd = os.open(_name(self._handle), flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=staging)
        except FileNotFoundError:
            raise UploadGone("there is no such upload") from None
        try:
            fcntl.flock(fd, lock | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise Locked("the upload is in use elsewhere") from None
        except OSError:
            # NFS without a lock service: sessions are kept apart by whoever owns them.
            return fd
        return fd


def _name(handle: str) -> bytes:
    return b"part-" + handle.encode()
