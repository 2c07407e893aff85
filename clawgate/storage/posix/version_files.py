"""Former content of files: the inodes that were overwritten, in ``versions/HASH OF THE ID/TIME`` in the staging folder.

The overwritten inode gets its second name there before the new content takes its place, so that it has one at any moment. What
a kill leaves is a version that is the present content: it is not counted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from stat import S_ISDIR, S_ISREG

from ...errors import ClawgateError
from .failures import guarded
from .ground import Descriptor, Ground, Spot, sync_folder
from .identity import identify
from .options import Durability
from .staging import open_staging
from .version_ages import superfluous

VERSIONS = b"versions"
"""The folder in the staging folder."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = (errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EXDEV)


def folder_of(id: str) -> bytes:
    """The name of the folder for the file with this id, which anybody may have written."""
    return blake2b(id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest().encode()


def name_at(ns: int) -> bytes:
    """The name of what was overwritten at this time (nanoseconds since 1970)."""
    return b"%d.%09d" % divmod(ns, 1_000_000_000)


def time_of(name: bytes) -> float | None:
    """When what is called so was overwritten (seconds since 1970); None: this is no version."""
    seconds, dot, rest = name.partition(b".")
    return float(name) if dot and seconds.isdigit() and rest.isdigit() and len(rest) == 9 and len(seconds) < 12 else None


def open_folder(top: Descriptor, id: str, *, create: bool) -> int:
    """The folder of the versions of one file. Raises `FileNotFoundError` if there is none and it is not to be made."""
    staging = open_staging(top, create=create)
    try:
        with _opened(staging, VERSIONS, create=create) as all_versions:
            return _open(all_versions, folder_of(id), create=create)
    finally:
        os.close(staging)


@contextlib.contextmanager
def keeping(ground: Ground, spot: Spot, there: os.stat_result | None, id: str) -> Iterator[None]:
    """For the rename that replaces the file at `spot`, of which `there` is the state and `id` the id: its content is kept.

    Not so an empty file, as ownCloud has it, one on another file system, and one that the kernel lets us have no second name for.
    """
    wanted = ground.options.versions and there is not None and S_ISREG(there.st_mode) and there.st_size > 0
    if not wanted or there is None or there.st_dev != spot.root.device:
        yield
        return
    folder, name = _kept(spot, id)
    try:
        try:
            yield
        except BaseException:
            if name:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
            raise
        if name:
            with contextlib.suppress(OSError):
                # It is written; what cannot be thinned out now is so when it is overwritten again.
                thin(folder, time.time())
            if ground.options.durability is Durability.FULL:
                sync_folder(folder)
    finally:
        os.close(folder)


def _kept(spot: Spot, id: str) -> tuple[int, bytes]:
    """The open folder of the versions, and the name there of what stands at `spot`."""
    while True:
        folder = open_folder(spot.root, id, create=True)
        try:
            return folder, _link(folder, spot)
        except BaseException as error:
            # Whoever clears up removes folders that are empty.
            removed = isinstance(error, FileNotFoundError) and not os.fstat(folder).st_nlink
            os.close(folder)
            if not removed:
                raise


def _link(folder: int, spot: Spot) -> bytes:
    ns = time.time_ns()
    while True:
        name = name_at(ns)
        try:
            os.link(spot.name, name, src_dir_fd=spot.fd, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            ns += 1
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return b""
        else:
            return name


def names(folder: int) -> list[bytes]:
    """Of the versions in an open folder, the newest first."""
    found = [os.fsencode(name) for name in os.listdir(folder)]
    return sorted([name for name in found if time_of(name) is not None], key=_padded, reverse=True)


def thin(folder: int, now: float) -> None:
    """Remove what is not worth keeping any more."""
    times = {time_of(name) or 0.0: name for name in names(folder)}
    for at in superfluous(list(times), now):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(times[at], dir_fd=folder)


def drop(ground: Ground, id: str) -> None:
    """Remove all versions of a file that is gone for good."""
    with contextlib.suppress(FileNotFoundError):
        staging = open_staging(ground.root(), create=False)
        try:
            with _opened(staging, VERSIONS, create=False) as all_versions:
                _remove(all_versions, folder_of(id), float("inf"))
        finally:
            os.close(staging)


def drop_below(ground: Ground, folder: int, name: bytes) -> None:
    """The same for the file `name` in an open folder, or for all files below the folder of that name. What cannot be read is
    left to age."""
    if not ground.options.versions:
        return
    root = ground.root()
    with contextlib.suppress(OSError, ClawgateError):
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if S_ISDIR(state.st_mode):
            _drop_folder(ground, root, folder, name, 0)
        elif S_ISREG(state.st_mode) and state.st_nlink == 1:
            drop(ground, identify(root, folder, name).id)


_DEPTH = 200
"""Levels of folders to which versions of what goes for good are looked for; what is deeper is left to age."""


def _drop_folder(ground: Ground, root: Descriptor, above: int, name: bytes, depth: int) -> None:
    if depth > _DEPTH:
        return
    fd = os.open(name, _FOLDER, dir_fd=above)
    try:
        with os.scandir(fd) as entries:
            found = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
        for child, is_folder in found:
            with contextlib.suppress(OSError, ClawgateError):
                if is_folder:
                    _drop_folder(ground, root, fd, child, depth + 1)
                elif os.stat(child, dir_fd=fd, follow_symlinks=False).st_nlink == 1:
                    drop(ground, identify(root, fd, child).id)
    finally:
        os.close(fd)


def expire(ground: Ground, before: float) -> int:
    """As `Versions.expire`."""
    return _sum(ground, lambda all_versions, folder: _remove(all_versions, folder, before))


def used(ground: Ground) -> int:
    """As `Versions.used`."""
    return _sum(ground, _size)


def _sum(ground: Ground, work: Callable[[int, bytes], int]) -> int:
    """The sum of what `work` says of the folders of all files."""
    total = 0
    with guarded(""), contextlib.suppress(FileNotFoundError):
        staging = open_staging(ground.root(), create=False)
        try:
            with _opened(staging, VERSIONS, create=False) as all_versions:
                for raw in os.listdir(all_versions):
                    total += work(all_versions, os.fsencode(raw))
        finally:
            os.close(staging)
    return total


def _size(all_versions: int, folder: bytes) -> int:
    size = 0
    with contextlib.suppress(FileNotFoundError), _opened(all_versions, folder, create=False) as fd:
        for name in names(fd):
            with contextlib.suppress(FileNotFoundError):
                size += os.stat(name, dir_fd=fd, follow_symlinks=False).st_size
    return size


def _remove(all_versions: int, folder: bytes, before: float) -> int:
    freed = 0
    with contextlib.suppress(FileNotFoundError), _opened(all_versions, folder, create=False) as fd:
        for name in names(fd):
            at = time_of(name)
            if at is None or at >= before:
                continue
            with contextlib.suppress(FileNotFoundError):
                state = os.stat(name, dir_fd=fd, follow_symlinks=False)
                os.unlink(name, dir_fd=fd)
                freed += state.st_size if state.st_nlink == 1 else 0
    with contextlib.suppress(OSError):
        os.rmdir(folder, dir_fd=all_versions)
    return freed


def _padded(name: bytes) -> tuple[int, bytes]:
    return len(name), name


@contextlib.contextmanager
def _opened(above: int, name: bytes, *, create: bool) -> Iterator[int]:
    fd = _open(above, name, create=create)
    try:
        yield fd
    finally:
        os.close(fd)


def _open(above: int, name: bytes, *, create: bool) -> int:
    while True:
        try:
            return os.open(name, _FOLDER, dir_fd=above)
        except FileNotFoundError:
            if not create:
                raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=above)
