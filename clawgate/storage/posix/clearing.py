"""Directories of spaces that are removed for good: first taken out of sight in one step, then emptied."""

from __future__ import annotations

import os
import stat

from ...errors import StorageUnavailable
from .staging import delete
from .unfinished import STEP, sweep, unfinished

_INSIDE = b"space"


def clear(root: str) -> bool:
    """Remove the directory `root` with all in it; blocks for as long as that takes. False: it was not there.

    No link is followed; one that stands in the place of `root` is removed itself. What a kill leaves lies beside it under a
    hidden name, and goes with the next call for a directory in the same folder. Raises `StorageUnavailable`, with a text for the
    operator, also if something cannot be removed: that is out of sight then, and tried again in the same way.
    """
    above, name = os.path.split(os.path.normpath(os.fsencode(root)))
    if not name:
        raise StorageUnavailable(f"{root} is no directory of a space")
    try:
        folder = os.open(above, STEP & ~os.O_NOFOLLOW)
    except OSError as error:
        where = os.fsdecode(above)
        raise StorageUnavailable(f"{where} cannot be opened: {error.strerror}; is its file system mounted?") from error
    try:
        sweep(folder, strict=True)
        with unfinished(folder) as aside:
            if not _hide(folder, name, aside):
                return False
            fd = os.open(aside, STEP, dir_fd=folder)
            try:
                delete(fd, _INSIDE)
            finally:
                os.close(fd)
            os.rmdir(aside, dir_fd=folder)
    except OSError as error:
        raise StorageUnavailable(f"{root} cannot be removed: {error.strerror}") from error
    finally:
        os.close(folder)
    return True


def _hide(folder: int, name: bytes, aside: bytes) -> bool:
    """Take it out of sight; False: it was not there."""
    try:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    os.mkdir(aside, 0o700, dir_fd=folder)
    fd = os.open(aside, STEP, dir_fd=folder)
    try:
        os.rename(name, _INSIDE, src_dir_fd=folder, dst_dir_fd=fd)
        if stat.S_ISLNK(state.st_mode):
            os.unlink(_INSIDE, dir_fd=fd)
    finally:
        os.close(fd)
    return True
