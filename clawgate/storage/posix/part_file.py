"""The file behind a handle of `PosixParts`: what it is called, and how it is opened."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import threading
from typing import NamedTuple

from ...errors import Disconnected, Locked, UploadGone
from .ground import Descriptor, Ground
from .identity import own_of
from .staging import CREATE, open_staging

_HANDLE = re.compile(r"(?P<token>[0-9a-f]{32})-(?P<own>[0-9a-fi.-]{1,200})")


class Handle(NamedTuple):
    """A handle as text is ``<token>-<own>``."""

    token: str
    """32 random hex digits, which are in the file's name."""
    own: str
    """The inode's own name (`identity`), by which it is known again once it is published."""

    @classmethod
    def parse(cls, text: str) -> Handle:
        """Raises `UploadGone` for what was never a handle of ours."""
        found = _HANDLE.fullmatch(text)
        if found is None:
            raise UploadGone("there is no such upload")
        return cls(found["token"], found["own"])

    def __str__(self) -> str:
        return f"{self.token}-{self.own}"

    @property
    def name(self) -> bytes:
        """The file's name in the staging folder."""
        return _name(self.token)


def token_of(handle: str) -> str:
    """What a handle and the name of its file have in common."""
    return handle.partition("-")[0]


def create_part(root: Descriptor, staging: int) -> tuple[Handle, int]:
    """A new empty file and its descriptor. Raises `OSError`."""
    token = secrets.token_hex(16)
    fd = os.open(_name(token), CREATE, 0o666, dir_fd=staging)
    try:
        return Handle(token, own_of(root, fd, b"")), fd
    except BaseException:
        os.close(fd)
        os.unlink(_name(token), dir_fd=staging)
        raise


def open_part(root: Descriptor, name: bytes, flags: int, *, alone: bool) -> int:
    """Open and lock a file: `alone` or beside others who are not. Raises `UploadGone`, `Locked`, `OSError`.

    The lock (flock(2)) lasts as long as the descriptor. Where there are no locks (NFS without its lock service) sessions are kept
    apart by whoever owns them.
    """
    try:
        staging = open_staging(root, create=False)
    except FileNotFoundError:
        raise UploadGone("there is no such upload") from None
    try:
        fd = _open(staging, name, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Locked("the upload is in use elsewhere") from None
            except OSError:
                pass
            _check(staging, name, fd)
        except BaseException:
            os.close(fd)
            raise
        return fd
    except FileNotFoundError:
        raise UploadGone("there is no such upload") from None
    finally:
        os.close(staging)


def _open(staging: int, name: bytes, flags: int) -> int:
    try:
        # The time of access is a mark (`running`).
        return os.open(name, flags | os.O_NOATIME, dir_fd=staging)
    except PermissionError:
        return os.open(name, flags, dir_fd=staging)


def _check(staging: int, name: bytes, fd: int) -> None:
    """Raise `FileNotFoundError` if the file was published before we had the lock, `UploadGone` if it is shown under a second name
    because its publishing was cut short: what is written to it would be seen by all."""
    os.stat(name, dir_fd=staging, follow_symlinks=False)
    if os.fstat(fd).st_nlink > 1:
        raise UploadGone("the upload is finished")


def _name(token: str) -> bytes:
    return b"part-" + token.encode()


class OpenPart:
    """One use of such a file, by a sequence of calls to workers.

    `close` may be called at any time and from any thread, also while another method runs in one that nobody listens to any more:
    it waits for that one, and later calls of others do nothing but raise.
    """

    def __init__(self, ground: Ground, handle: str) -> None:
        """Nothing is opened yet. Raises `UploadGone`."""
        self._ground = ground
        self._handle = Handle.parse(handle)
        self._lock = threading.Lock()
        self._over = False
        self._fd = -1

    def stop(self) -> None:
        """Let a method that runs in another thread give up as soon as it can."""
        self._over = True

    def close(self) -> None:
        """Let go of the file. Blocks."""
        self._over = True
        with self._lock:
            self._close()

    def _check(self) -> None:
        if self._over:
            raise Disconnected("the transfer was given up")

    def _close(self) -> None:
        self._over = True
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
