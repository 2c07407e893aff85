"""What would succeed if a person tried, as the kernel says: mode bits, ACLs, sticky folders, read-only file systems.

What lies deeper is not looked at: a folder that can be emptied may hold one that cannot.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from stat import S_ISDIR, S_ISLNK, S_ISVTX

from ...errors import NotFound
from ...interfaces import Rights
from ...model.path import Path, split
from ...model.permissions import Permissions
from ...workers import Workers
from . import kernel
from .failures import guarded
from .ground import Ground
from .names import to_bytes
from .permitting import unlinkable

_CHANGE = os.W_OK | os.X_OK
_LOOKED_AT = 1000
"""Entries of a sticky folder whose owners are looked at before it counts as one that cannot be emptied."""
_GOING = Permissions.DELETE | Permissions.MOVE


class PosixRights(Rights):
    """Rights of the person whose rights the threads of `workers` have."""

    def __init__(self, ground: Ground, workers: Workers) -> None:
        self._ground = ground
        self._workers = workers

    async def rights(self, folder: Path, names: Sequence[str]) -> Mapping[str, Permissions]:
        """See `Rights.rights`. One call to a worker; one system call a file, a few a folder."""
        return await self._workers.run(self._rights, folder, names)

    def _rights(self, folder: Path, names: Sequence[str]) -> dict[str, Permissions]:
        found: dict[str, Permissions] = {}
        if "" in names:
            if folder:
                above, name = split(folder)
                found[""] = self._children(above, [name]).get(name, Permissions.NONE)
            else:
                found[""] = self._root()
        if children := [name for name in names if name]:
            found |= self._children(folder, children)
        return found

    def _root(self) -> Permissions:
        with guarded(""):
            return _inside(self._ground.root(anew=True).fd, b"")

    def _children(self, path: Path, names: Sequence[str]) -> dict[str, Permissions]:
        guise = self._ground.guise
        assert guise is not None
        found: dict[str, Permissions] = {}
        with guarded(path):
            fd = self._ground.open(path, os.O_PATH | os.O_DIRECTORY)
            try:
                state = os.fstat(fd)
                changeable = kernel.allowed(fd, b"", _CHANGE)
                own_only = bool(state.st_mode & S_ISVTX) and state.st_uid != guise.persona.uid
                for name in names:
                    try:
                        found[name] = self._child(fd, to_bytes(name), changeable, own_only, guise.persona.uid)
                    except (FileNotFoundError, NotFound):
                        continue
            finally:
                os.close(fd)
        return found

    def _child(self, folder: int, name: bytes, changeable: bool, own_only: bool, uid: int) -> Permissions:
        try:
            state = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except PermissionError:
            return Permissions.NONE
        goes = changeable and not (own_only and state.st_uid != uid)
        if S_ISLNK(state.st_mode):
            # Where links are followed, what may be done with the target is not worked out: no more is promised than surely holds.
            return Permissions.READ | Permissions.DELETE if goes else Permissions.READ
        if S_ISDIR(state.st_mode):
            rights = _inside(folder, name)
            if not goes:
                return rights
            if Permissions.WRITE in rights:
                # Its ".." changes when it goes elsewhere. A mere new name would not need that.
                rights |= Permissions.MOVE
            return rights | Permissions.DELETE if _can_be_emptied(folder, name, rights, uid) else rights
        if goes and kernel.allowed(folder, name, os.R_OK | os.W_OK):
            return Permissions.READ | Permissions.WRITE | _GOING
        rights = Permissions.READ if kernel.allowed(folder, name, os.R_OK) else Permissions.NONE
        if goes:
            rights |= _GOING
            if kernel.allowed(folder, name, os.W_OK):
                rights |= Permissions.WRITE
        return rights


def _inside(folder: int, name: bytes) -> Permissions:
    """What may be done inside of a folder."""
    rights = Permissions.READ if kernel.allowed(folder, name, os.R_OK | os.X_OK) else Permissions.NONE
    if kernel.allowed(folder, name, _CHANGE):
        rights |= Permissions.WRITE | Permissions.CREATE
    return rights


def _can_be_emptied(folder: int, name: bytes, rights: Permissions, uid: int) -> bool:
    """Whether everything directly in a folder can be removed; an empty one can."""
    if Permissions.READ not in rights:
        return False
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        state = os.fstat(fd)
        sticky = not unlinkable(state, state, uid)
        if Permissions.WRITE in rights and not sticky:
            return True
        with os.scandir(fd) as entries:
            for count, entry in enumerate(entries):
                if Permissions.WRITE not in rights or count == _LOOKED_AT:
                    return False
                if entry.stat(follow_symlinks=False).st_uid != uid:
                    return False
        return True
    finally:
        os.close(fd)
