"""Bytes that are put aside until the end of an archive: in memory, and from some size on in a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator

from ...errors import StorageUnavailable
from ...workers import Workers

KEPT = 1048576
"""Bytes in memory."""


class Spool:
    """Written once from the begin to the end, then read once. `close` must be called."""

    def __init__(self, workers: Workers, folder: str) -> None:
        """The file is made in `folder` and has no name there, so that nothing is left of it whatever happens."""
        self._workers = workers
        self._folder = folder
        self._buffer = bytearray()
        self._fd = -1
        self.length = 0

    async def write(self, data: bytes) -> None:
        """Put `data` aside. Raises `StorageUnavailable` if the disk is full."""
        self._buffer += data
        self.length += len(data)
        if len(self._buffer) >= KEPT:
            await self._workers.run(self._flush)

    async def read(self) -> AsyncIterator[bytes]:
        """All that was written."""
        at = 0
        while self._fd >= 0 and at < self.length - len(self._buffer):
            data = await self._workers.run(os.pread, self._fd, min(KEPT, self.length - len(self._buffer) - at), at)
            if not data:
                raise StorageUnavailable("what was put aside for the end of the archive is gone")
            at += len(data)
            yield data
        if self._buffer:
            yield bytes(self._buffer)

    async def close(self) -> None:
        """Throw it away."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            await self._workers.run_always(os.close, fd)

    def _flush(self) -> None:
        try:
            if self._fd < 0:
                file, name = tempfile.mkstemp(prefix=".clawgate-archive-", dir=self._folder)
                self._fd = file
                os.unlink(name)
            left = memoryview(bytes(self._buffer))
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            raise StorageUnavailable("the end of the archive cannot be put aside at the moment") from error
        self._buffer.clear()
