"""Opened files."""

from __future__ import annotations

import os
import time
from stat import S_ISREG

from ...errors import NotFound, RangeNotSatisfiable, StorageBroken
from ...interfaces import Body, FileSlice, Reader
from ...model.node import Node
from ...model.path import Path, split
from ...workers import Workers
from .failures import guarded
from .ground import READ, Ground, node_of
from .identity import own_of

_BUSY_NS = 5_000_000_000
"""A file whose last change is not longer ago may be changed again during a download."""
_TRIES = 3
"""So often a small file that changes while it is read is read again."""


class PosixReader(Reader):
    """One opened file; small ones are in memory already."""

    def __init__(
        self, path: Path, state: os.stat_result, own: str, content: bytes | None, fd: int, workers: Workers, block: int
    ) -> None:
        self.node: Node = node_of(split(path)[1], state)
        self.own = own
        self._path = path
        self._state = state
        self._begun = False
        self._content = content
        self._fd = fd
        self._workers = workers
        self._block = block

    async def stream(self, start: int = 0, stop: int | None = None) -> Body:
        """See `Reader.stream`. Raises `RangeNotSatisfiable` for a start behind the end."""
        size = self._state.st_size
        end = size if stop is None else min(stop, size)
        if start > size:
            raise RangeNotSatisfiable(size)
        if self._content is not None:
            if start < end:
                yield self._content if end - start == size else self._content[start:end]
            return
        while start < end:
            data = await self._workers.run(self._read, start, end)
            start += len(data)
            yield data

    def slice(self, start: int, stop: int) -> FileSlice | None:
        """None for a file that is in memory, or that somebody may be writing to just now.

        The kernel sends pages of the file, not copies: what is written into them reaches clients even after the last look.
        """
        if self._content is not None or time.time_ns() - self._state.st_mtime_ns < _BUSY_NS:
            return None
        return FileSlice(self._fd, start, stop, (self._state.st_size, self._state.st_mtime_ns))

    async def close(self) -> None:
        """Let go of the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            await self._workers.run_always(os.close, fd)

    def _begin(self) -> None:
        # Since it was opened its id may have been written to it, by which its content is as it was.
        now = os.fstat(self._fd)
        if (now.st_mtime_ns, now.st_size) != (self._state.st_mtime_ns, self._state.st_size):
            raise StorageBroken(f"{self._path}: the file was changed before it was read")
        self._state = now
        self._begun = True

    def _read(self, start: int, end: int) -> bytes:
        with guarded(self._path):
            if not self._begun:
                self._begin()
            data = os.pread(self._fd, min(self._block, end - start), start)
            if not data:
                raise StorageBroken(f"{self._path}: the file became shorter while it was read")
            if start + len(data) == end and is_changed(self._state, os.fstat(self._fd)):
                raise StorageBroken(f"{self._path}: the file was changed while it was read")
            return data


def is_changed(before: os.stat_result, now: os.stat_result) -> bool:
    """Whether the content of an open file may have changed. That it lost its name (was replaced or removed) does not matter."""
    if (before.st_mtime_ns, before.st_size) != (now.st_mtime_ns, now.st_size):
        return True
    return before.st_ctime_ns != now.st_ctime_ns and before.st_nlink == now.st_nlink


def open_reader(ground: Ground, path: Path, workers: Workers) -> PosixReader:
    """Open `path`; blocks. Small files are read and closed at once. Raises `NotFound`, `IsAFolder`, `StorageBroken`."""
    options = ground.options
    with guarded(path):
        if path and not ground.follow:
            found = _read_small(ground, path, options.small_bytes)
            if found is not None:
                state, own, content = found
                return PosixReader(path, state, own, content, -1, workers, options.block_bytes)
        for _ in range(_TRIES):
            fd, state = ground.open_file(path)
            try:
                own = own_of(ground.root(), fd, b"")
                if state.st_size > options.small_bytes:
                    reader = PosixReader(path, state, own, None, fd, workers, options.block_bytes)
                    fd = -1
                    return reader
                content = os.pread(fd, state.st_size + 1, 0)
                if len(content) == state.st_size and not is_changed(state, os.fstat(fd)):
                    return PosixReader(path, state, own, content, -1, workers, options.block_bytes)
            finally:
                if fd >= 0:
                    os.close(fd)
    raise StorageBroken(f"{path}: the file does not stop changing")


def reader_of(ground: Ground, path: Path, fd: int, workers: Workers) -> PosixReader:
    """A reader of the open regular file `fd`, which belongs to it from now on; it is called as the last of `path`. Blocks."""
    try:
        state, own, options = os.fstat(fd), own_of(ground.root(), fd, b""), ground.options
        content = None
        if state.st_size <= options.small_bytes:
            content = os.pread(fd, state.st_size, 0)
            if len(content) < state.st_size:
                raise StorageBroken(f"{path}: the file became shorter while it was read")
    except BaseException:
        os.close(fd)
        raise
    if content is not None:
        os.close(fd)
        fd = -1
    return PosixReader(path, state, own, content, fd, workers, options.block_bytes)


def _read_small(ground: Ground, path: Path, most: int) -> tuple[os.stat_result, str, bytes] | None:
    """A file of at most `most` bytes, with its own name, in few calls; None: it is anything else, it changed, or that failed."""
    with ground.spot(path, missing=NotFound) as spot:
        before = spot.state()
        if before is None or not S_ISREG(before.st_mode) or before.st_size > most:
            return None
        try:
            fd = os.open(spot.name, READ | os.O_NOFOLLOW, dir_fd=spot.fd)
            try:
                content = os.pread(fd, before.st_size + 1, 0)
                after = os.fstat(fd)
                own = own_of(ground.root(), fd, b"")
            finally:
                os.close(fd)
        except OSError:
            return None
    if len(content) != before.st_size or not os.path.samestat(before, after) or is_changed(before, after):
        return None
    return before, own, content
