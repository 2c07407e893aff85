"""Where the trash of a tree lies."""

from __future__ import annotations

import contextlib
import os

from .ground import Descriptor, Ground
from .options import TrashPlace
from .shared_staging import check_owner
from .staging import open_staging

TRASH = b"trash"
"""The trash in the staging folder."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_place(root: Descriptor, way: bytes, *, create: bool) -> int:
    """The folder of the trash, which is at `way` in the tree, or in the staging folder if that is empty.

    Raises `FileNotFoundError` if there is none and it is not to be made, `StorageUnavailable` if it belongs to somebody else than
    the person at work.
    """
    fd = os.dup(root.fd) if way else open_staging(root, create=create)
    for name in way.split(b"/") if way else (TRASH,):
        try:
            fd, above = _step(fd, name, create=create), fd
        except BaseException:
            os.close(fd)
            raise
        os.close(above)
    check_owner(fd, root.person)
    return fd


def base_of(ground: Ground) -> str:
    """The directory from which paths are written out in full: in a home's own trash, as the specification says; else empty."""
    return ground.path.rstrip("/") if ground.options.trash is TrashPlace.HOME else ""


def _step(fd: int, name: bytes, *, create: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=fd)
    except FileNotFoundError:
        if not create:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=fd)
    return os.open(name, _FOLDER, dir_fd=fd)
