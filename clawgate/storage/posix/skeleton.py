"""What a new home begins with: a directory's content, copied for its owner."""

from __future__ import annotations

import os
from stat import S_IMODE, S_ISDIR, S_ISGID, S_ISLNK, S_ISREG

from ...errors import StorageUnavailable
from ...model.home import NewHome
from .draft import flush
from .ground import BESIDE, READ, STAGING
from .options import Durability
from .staging import CREATE
from .transfer import transfer_range

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How folders are opened."""
DEPTH = 32
"""Folders within folders."""


class Skeleton:
    """Files, folders and links, with the modes of the originals and new times; without extended attributes, ACLs, special files,
    and the bits of files that make others run them as their owner."""

    def __init__(self, home: NewHome) -> None:
        self._home = home
        self._bytes = 0
        self._entries = 0

    def copy(self, target: int) -> None:
        """Copy all into the open folder `target`; blocks. Raises `OSError`, and `StorageUnavailable` for more than is allowed."""
        try:
            source = os.open(self._home.skeleton, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageUnavailable(f"the skeleton {self._home.skeleton} cannot be read: {error.strerror}") from error
        try:
            self._folder(source, target, 1)
        finally:
            os.close(source)

    def _folder(self, source: int, target: int, depth: int) -> None:
        if depth > DEPTH:
            raise StorageUnavailable(f"the skeleton {self._home.skeleton} is more than {DEPTH} folders deep")
        with os.scandir(source) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                if not name.startswith(BESIDE) and name != STAGING:
                    self._entry(source, target, name, depth)

    def _entry(self, source: int, target: int, name: bytes, depth: int) -> None:
        home = self._home
        state = os.stat(name, dir_fd=source, follow_symlinks=False)
        self._count(entries=1)
        if S_ISDIR(state.st_mode):
            old = os.open(name, FOLDER, dir_fd=source)
            try:
                new = make_folder(name, target)
                try:
                    self._folder(old, new, depth + 1)
                    give(new, S_IMODE(state.st_mode), home)
                finally:
                    os.close(new)
            finally:
                os.close(old)
        elif S_ISREG(state.st_mode):
            old = os.open(name, READ | os.O_NOFOLLOW, dir_fd=source)
            try:
                self._file(old, name, target)
            finally:
                os.close(old)
        elif S_ISLNK(state.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            os.chown(name, home.uid, home.gid, dir_fd=target, follow_symlinks=False)

    def _file(self, old: int, name: bytes, target: int) -> None:
        state = os.fstat(old)
        if not S_ISREG(state.st_mode):
            return
        self._count(size=state.st_size)
        new = os.open(name, CREATE, 0o600, dir_fd=target)
        try:
            transfer_range(old, 0, state.st_size, new, 0)
            give(new, S_IMODE(state.st_mode) & 0o777, self._home)
        finally:
            os.close(new)

    def _count(self, entries: int = 0, size: int = 0) -> None:
        home = self._home
        self._entries += entries
        self._bytes += size
        if self._entries > home.skeleton_entries:
            raise StorageUnavailable(f"the skeleton {home.skeleton} has more than skeleton_entries = {home.skeleton_entries}")
        if self._bytes > home.skeleton_bytes:
            raise StorageUnavailable(f"the skeleton {home.skeleton} has more than skeleton_bytes = {home.skeleton_bytes}")


def make_folder(name: bytes, parent: int) -> int:
    """A new folder, ours alone, opened. Raises `OSError`, `StorageUnavailable` if somebody has put another one in its place."""
    os.mkdir(name, 0o700, dir_fd=parent)
    fd = os.open(name, FOLDER, dir_fd=parent)
    if os.fstat(fd).st_uid != os.geteuid():
        os.close(fd)
        raise StorageUnavailable(f"somebody else works in the same directory: {os.fsdecode(name)} was replaced")
    return fd


def give(fd: int, mode: int, home: NewHome) -> None:
    """Give a finished file or folder its mode and its owner. Raises `OSError`, `StorageUnavailable` if it does not take them.

    The mode comes first: what is somebody else's cannot be changed with CAP_CHOWN alone.
    """
    state = os.fstat(fd)
    if S_ISDIR(state.st_mode):
        # What a folder hands down to all that is made in it.
        mode |= state.st_mode & S_ISGID
    os.fchmod(fd, mode)
    if S_IMODE(os.fstat(fd).st_mode) != mode:
        raise StorageUnavailable(f"the file system, or the lack of CAP_FSETID, does not let it have the mode {mode:04o}")
    durability = Durability(home.durability)
    if not S_ISDIR(state.st_mode) or durability is Durability.FULL:
        flush(fd, durability)
    if (home.uid, home.gid) == (-1, -1):
        return
    try:
        os.fchown(fd, home.uid, home.gid)
    except PermissionError as error:
        raise StorageUnavailable(f"it cannot be given to {home.uid}:{home.gid}: that needs CAP_CHOWN") from error
    owner = os.fstat(fd)
    if home.uid not in (-1, owner.st_uid) or home.gid not in (-1, owner.st_gid):
        raise StorageUnavailable(f"the file system does not let it belong to {home.uid}:{home.gid}")
