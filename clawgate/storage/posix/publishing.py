"""The one step in which new content takes its place."""

from __future__ import annotations

import contextlib
import errno
import os
from stat import S_ISDIR

from ...errors import AlreadyExists, Forbidden, IsAFolder, PreconditionFailed
from ...model.content import Target
from . import kernel
from .ground import Ground, Spot, seen_of
from .permitting import check_overwriting


def check_expected(ground: Ground, spot: Spot, expected: Target | str) -> os.stat_result | None:
    """What a new file would replace at `spot`. Raises `IsAFolder`, `PreconditionFailed`, `Forbidden`."""
    there = ground.occupant(spot)
    if there is None:
        if not isinstance(expected, Target):
            raise PreconditionFailed(f"{spot.path}: the file was removed meanwhile")
        return None
    if expected is Target.NOTHING:
        raise PreconditionFailed(f"{spot.path}: the name is taken")
    if S_ISDIR(there.st_mode):
        raise IsAFolder(f"{spot.path}: this is a folder")
    if not isinstance(expected, Target) and seen_of(there) != expected:
        raise PreconditionFailed(f"{spot.path}: the file was changed meanwhile")
    check_overwriting(ground, spot, there)
    return there


def check_place(ground: Ground, spot: Spot, expected: Target | str) -> None:
    """Refuse what can be refused before the content is there. Errors as `check_expected`."""
    check_expected(ground, spot, expected)
    if not kernel.allowed(spot.fd, b"", os.W_OK | os.X_OK):
        raise Forbidden(f"{spot.path}: the storage does not permit this")


def rename_new(folder: int, name: bytes, spot: Spot) -> None:
    """Rename to `spot` where nothing may stand. Raises `AlreadyExists`."""
    try:
        kernel.rename(folder, name, spot.fd, spot.name, kernel.RENAME_NOREPLACE)
    except FileExistsError as error:
        raise AlreadyExists(f"{spot.path}: the name is taken") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _link_new(folder, name, spot)


def _link_new(folder: int, name: bytes, spot: Spot) -> None:
    """As `rename_new` where the file system has no RENAME_NOREPLACE: a hard link for files; folders are looked for first."""
    if not S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        with contextlib.suppress(PermissionError):
            try:
                os.link(name, spot.name, src_dir_fd=folder, dst_dir_fd=spot.fd, follow_symlinks=False)
            except FileExistsError as error:
                raise AlreadyExists(f"{spot.path}: the name is taken") from error
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EMLINK):
                    raise
            else:
                os.unlink(name, dir_fd=folder)
                return
    if spot.state() is not None:
        raise AlreadyExists(f"{spot.path}: the name is taken")
    os.rename(name, spot.name, src_dir_fd=folder, dst_dir_fd=spot.fd)
