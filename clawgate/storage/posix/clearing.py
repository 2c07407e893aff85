"""Directories of spaces that are removed for good: first taken out of sight in one step, then emptied.

What is out of sight has a name that tells which space it was, and stays there, empty, until `forget`. So a directory that is
missing is one that was removed only where that name is: else its file system is not mounted, and nothing was removed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from stat import S_ISDIR

from ...errors import StorageUnavailable
from .ground import BESIDE, Descriptor, sync_folder
from .identity import own_of
from .staging import delete
from .unfinished import STEP, is_taken, sweep

_GONE = BESIDE + b"gone-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def clear(root: str, key: str, own: str = "") -> None:
    """Take the directory `root` out of sight and remove all that is in it; blocks for as long as that takes.

    `key` is that of its space, which no other has, and `own` its own name (`Identity.own`) where that is known. What a kill
    leaves is found by the next call. No link is followed; one that stands in the place of `root` goes itself.

    Raises `StorageUnavailable`, with a text for the operator: if it is not there though nobody has taken it away, if another
    directory stands there, and if something cannot be removed; that is out of sight then, and tried again in the same way.
    """
    folder, name, gone = _open(root, key)
    try:
        # Also what an older version has left.
        sweep(folder, strict=True)
        if not is_taken(folder, gone):
            _hide(folder, name, gone, own, root)
        _empty(folder, gone)
        # Nobody may be told that it is done while a lost journal could bring it back.
        sync_folder(folder)
    except OSError as error:
        raise StorageUnavailable(f"{root} cannot be removed: {error.strerror}") from error
    finally:
        os.close(folder)


def forget(root: str, key: str) -> None:
    """Remove the name that `clear` has left, once it is noted that there is nothing else; one that is not there is no error.
    Raises `StorageUnavailable`."""
    folder, _, gone = _open(root, key)
    try:
        if is_taken(folder, gone):
            delete(folder, gone)
    except OSError as error:
        raise StorageUnavailable(f"what is left of {root} cannot be removed: {error.strerror}") from error
    finally:
        os.close(folder)


def _open(root: str, key: str) -> tuple[int, bytes, bytes]:
    """The folder above, opened; the name of `root` in it, and the one that it gets."""
    above, name = os.path.split(os.path.normpath(os.fsencode(root)))
    if not name or not key or "/" in key:
        raise StorageUnavailable(f"{root} is no directory of a space")
    try:
        folder = os.open(above, STEP & ~os.O_NOFOLLOW)
    except OSError as error:
        where = os.fsdecode(above)
        raise StorageUnavailable(f"{where} cannot be opened: {error.strerror}; is its file system mounted?") from error
    return folder, name, _GONE + os.fsencode(key)


def _hide(folder: int, name: bytes, gone: bytes, own: str, root: str) -> None:
    there = is_taken(folder, name)
    if not there or (own and _own(folder, name) != own):
        stand_in = os.path.join(os.path.dirname(os.path.normpath(root)), os.fsdecode(gone))
        what = f"another directory stands at {root} than before" if there else f"{root} is missing"
        if there:
            how = f"this one is to be removed, run: {shlex.join(['mv', root, stand_in])}"
        else:
            how = f"nothing is to be removed, run: {shlex.join(['mkdir', stand_in])}"
        raise StorageUnavailable(f"{what}; is its file system mounted? If it is, and {how}")
    os.rename(name, gone, src_dir_fd=folder, dst_dir_fd=folder)


def _own(folder: int, name: bytes) -> str:
    try:
        fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        # A link that leads nowhere, or a file.
        return ""
    root = Descriptor(fd)
    return own_of(root, fd, b"")


def _empty(folder: int, gone: bytes) -> None:
    state = os.stat(gone, dir_fd=folder, follow_symlinks=False)
    if not S_ISDIR(state.st_mode):
        return
    place = os.open(gone, STEP, dir_fd=folder)
    try:
        # Nobody else comes in any more; what somebody else owns stays as it is.
        with contextlib.suppress(PermissionError):
            os.chmod(f"/proc/self/fd/{place}", 0o700)
    finally:
        os.close(place)
    fd = os.open(gone, _FOLDER, dir_fd=folder)
    failure: OSError | None = None
    try:
        for child in os.listdir(fd):
            try:
                delete(fd, os.fsencode(child))
            except OSError as error:
                failure = failure or error
        os.fsync(fd)
    finally:
        os.close(fd)
    if failure is not None:
        raise failure
