"""Homes on their way, under names that say so, and what kills have left of them.

While one is made its name ``.clawgate-tmp-home-TOKEN`` has a companion with ``.lock`` at the end, which is locked. After a kill
nobody holds the lock, and the next one who makes a home in the same directory removes both.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from stat import S_ISREG

from .ground import BESIDE
from .staging import CREATE, delete, token

PREFIX = BESIDE + b"home-"
STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How folders are opened to go on from there."""

_LOCK = b".lock"
_DEPTH = 100


@contextlib.contextmanager
def unfinished(folder: int) -> Iterator[bytes]:
    """A name that nobody else has, locked for as long as something may be there."""
    while True:
        name = PREFIX + token()
        lock = os.open(name + _LOCK, CREATE, 0o600, dir_fd=folder)
        with contextlib.suppress(OSError):
            # Where nothing can be locked nothing is swept either.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_nlink:
            break
        # Swept before it was locked.
        os.close(lock)
    try:
        yield name
    finally:
        try:
            # What could not be removed keeps its companion, so that it is found.
            if not is_taken(folder, name):
                os.unlink(name + _LOCK, dir_fd=folder)
        finally:
            os.close(lock)


def sweep(folder: int, *, strict: bool = False) -> None:
    """Remove what nobody works on any more. Raises `OSError` if the folder cannot be listed; with `strict` also if something
    cannot be removed."""
    fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        names = [os.fsencode(name) for name in os.listdir(fd)]
    finally:
        os.close(fd)
    for name in names:
        if name.startswith(PREFIX) and name.endswith(_LOCK):
            # Somebody works on it, or has just removed it.
            with contextlib.suppress(*((BlockingIOError, FileNotFoundError) if strict else (OSError,))):
                _sweep_one(folder, name)


def _sweep_one(folder: int, lock: bytes) -> None:
    fd = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        state = os.fstat(fd)
        if not S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
            return
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with contextlib.suppress(FileNotFoundError):
            remove(folder, lock.removesuffix(_LOCK))
        os.unlink(lock, dir_fd=folder)
    finally:
        os.close(fd)


def remove(folder: int, name: bytes) -> None:
    """Remove a folder of this name with all in it, whoever it was given to. Raises `OSError`."""
    _take_back(folder, name, 1)
    delete(folder, name)


def _take_back(folder: int, name: bytes, depth: int) -> None:
    """Make a folder and all folders in it ours again: with CAP_CHOWN alone others' cannot be emptied."""
    if depth > _DEPTH:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    fd = os.open(name, STEP, dir_fd=folder)
    try:
        path = f"/proc/self/fd/{fd}"
        if os.fstat(fd).st_uid != os.geteuid():
            os.chown(path, os.geteuid(), -1)
        os.chmod(path, 0o700)
        with os.scandir(path) as entries:
            names = [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
        for below in names:
            _take_back(fd, below, depth + 1)
    finally:
        os.close(fd)


def is_taken(folder: int, name: bytes) -> bool:
    """Whether anything is called so."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
