"""What a person may do where one step of ours does what several of theirs would do on disk, or asks less of the kernel.

Overwriting by a rename needs no right on the file that goes; removing a folder by a rename none on what is in it. So the rights
that the person would need are looked at first. All functions are for threads that have the person's rights.
"""

from __future__ import annotations

import os
from stat import S_ISDIR, S_ISREG, S_ISVTX

from ...errors import Forbidden
from . import confined, kernel
from .ground import Ground, Spot

_LIST = os.O_RDONLY | os.O_DIRECTORY


def check_overwriting(ground: Ground, spot: Spot, there: os.stat_result) -> None:
    """Raise `Forbidden` unless the person may write to the file at `spot`, whose state is `there`, and replace it."""
    if ground.guise is None or not S_ISREG(there.st_mode):
        return
    if not kernel.allowed(spot.fd, spot.name, os.W_OK):
        raise Forbidden(f"{spot.path}: the storage does not permit writing to this file")
    if not unlinkable(os.fstat(spot.fd), there, ground.guise.persona.uid):
        raise Forbidden(f"{spot.path}: in this folder only owners may replace their files")


def check_replacing(ground: Ground, spot: Spot, there: os.stat_result, *, by_file: bool) -> None:
    """Raise `Forbidden` unless the person may let a copy take the place of what stands at `spot`."""
    if ground.guise is None:
        return
    if S_ISDIR(there.st_mode):
        check_removing(ground, spot)
    elif by_file:
        check_overwriting(ground, spot, there)


def check_removing(ground: Ground, spot: Spot) -> None:
    """Raise `Forbidden` if something in the folder at `spot` could not be removed by the person. Raises `OSError`.

    A folder that cannot be listed counts as one that cannot be emptied.
    """
    if ground.guise is None:
        return
    uid = ground.guise.persona.uid
    top = os.open(spot.name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=spot.fd)
    try:
        todo = [b""]
        while todo:
            path = todo.pop()
            fd = confined.open_beneath(top, path, _LIST, follow=False, ask_kernel=ground.ask_kernel)
            try:
                todo += [path + b"/" + name if path else name for name in _check_emptying(fd, uid, spot)]
            finally:
                os.close(fd)
    finally:
        os.close(top)


def _check_emptying(fd: int, uid: int, spot: Spot) -> list[bytes]:
    """The names of the sub-folders."""
    folder = os.fstat(fd)
    sticky = folder.st_mode & S_ISVTX and folder.st_uid != uid
    with os.scandir(fd) as entries:
        found = list(entries)
    if found and not kernel.allowed(fd, b"", os.W_OK | os.X_OK):
        raise Forbidden(f"{spot.path}: the storage does not permit removing everything in this folder")
    if sticky and any(entry.stat(follow_symlinks=False).st_uid != uid for entry in found):
        raise Forbidden(f"{spot.path}: some of what is in this folder only its owners may remove")
    return [os.fsencode(entry.name) for entry in found if entry.is_dir(follow_symlinks=False)]


def unlinkable(folder: os.stat_result, state: os.stat_result, uid: int) -> bool:
    """Whether a sticky folder (inode(7)) lets `uid` remove, rename or replace what has this `state` in it."""
    return not folder.st_mode & S_ISVTX or uid in (folder.st_uid, state.st_uid)
