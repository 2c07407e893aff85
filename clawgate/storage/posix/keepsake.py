"""A short text in the staging folder, to which happens what happens to the whole tree: restored backups, snapshots rolled back.

It is on the disk before anybody relies on it: a power cut must not look like a restored backup.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable

from ...errors import Forbidden, Locked
from ...interfaces import Keepsake
from ...workers import Workers
from .failures import guarded
from .ground import READ, Ground
from .staging import CREATE, KEEPSAKE, open_staging, token

LIMIT = 4096
"""Bytes of it, at most."""
_NO_LOCKS = (errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


class PosixKeepsake(Keepsake):
    """The text of one tree."""

    def __init__(self, ground: Ground, workers: Workers, *, shared: bool = False) -> None:
        """`shared`: others than the gateway may make files in the staging folder, which is not made here then."""
        self._ground = ground
        self._workers = workers
        self._shared = shared

    async def read(self) -> str:
        """See `Keepsake.read`. One call to a worker."""
        return await self._workers.run(self._read)

    async def renew(self, make: Callable[[str], str]) -> str:
        """See `Keepsake.renew`. One call to a worker."""
        return await self._workers.run(self._renew, make)

    def _read(self) -> str:
        with guarded(""):
            try:
                folder = open_staging(self._ground.root(anew=True), create=False)
            except FileNotFoundError:
                return ""
            try:
                return self._text(folder)
            finally:
                os.close(folder)

    def _renew(self, make: Callable[[str], str]) -> str:
        with guarded(""):
            folder = open_staging(self._ground.root(anew=True), create=not self._shared)
            try:
                self._lock(folder)
                text = make(self._text(folder))
                self._write(folder, text.encode())
                return text
            finally:
                os.close(folder)

    def _lock(self, folder: int) -> None:
        """Until the descriptor is closed nobody else gets here."""
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked("another gateway is at it") from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise

    def _text(self, folder: int) -> str:
        try:
            fd = os.open(KEEPSAKE, READ | os.O_NOFOLLOW, dir_fd=folder)
        except FileNotFoundError:
            return ""
        try:
            if self._shared and os.fstat(fd).st_uid not in (0, os.geteuid()):
                raise Forbidden("somebody else has written what the gateway keeps there")
            return os.read(fd, LIMIT).decode("utf-8", "replace")
        finally:
            os.close(fd)

    def _write(self, folder: int, data: bytes) -> None:
        name = b"tmp-" + token()
        fd = os.open(name, CREATE, 0o600, dir_fd=folder)
        try:
            try:
                os.write(fd, data)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(name, KEEPSAKE, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise
        os.fsync(folder)
