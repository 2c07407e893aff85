"""Personal directories: made out of sight beside their place, with all that belongs to them, then shown in one step."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from stat import S_ISDIR

from ...errors import QuotaExceeded, StorageUnavailable
from ...model.home import NewHome
from . import kernel
from .skeleton import FOLDER, Skeleton, give, make_folder
from .unfinished import STEP, is_taken, remove, sweep, unfinished

SWEEP_SECONDS = 3600.0
"""Between two looks for what kills have left in a directory; the first one is at once."""

_TRIES = 10
_FULL = (errno.ENOSPC, errno.EDQUOT)


def can_give_away() -> bool:
    """Whether this process may make files somebody else's (CAP_CHOWN)."""
    return has_capability(0)


def has_capability(number: int) -> bool:
    """Whether this process has the capability with this number (capabilities(7)) and uses it."""
    with open("/proc/self/status", encoding="ascii") as stream:
        effective = next((line for line in stream if line.startswith("CapEff:")), "CapEff: 0")
    return bool(int(effective.split()[1], 16) >> number & 1)


def is_there(root: str) -> bool:
    """Whether `root` is a directory; blocks. Raises `StorageUnavailable` if something else is there, or nobody can tell."""
    try:
        if S_ISDIR(os.stat(root).st_mode):
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageUnavailable(f"{root}: {error.strerror}") from error
    raise StorageUnavailable(f"{root} is no directory")


class HomeMaker:
    """Makes them, in any number of threads and processes at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._swept: dict[tuple[int, int], float] = {}

    def make(self, home: NewHome) -> bool:
        """Make `home`; blocks. False: somebody else has made it meanwhile.

        A kill leaves nothing in sight, or the whole of it. No link is followed below ``home.above``. Raises `QuotaExceeded` if
        the storage is full, else `StorageUnavailable`; their texts are for the operator.
        """
        path = os.path.join(home.above, *home.below)
        try:
            for _ in range(_TRIES):
                folder, missing = _descend(home)
                try:
                    if not missing:
                        return False
                    self._sweep(folder)
                    if _make(folder, [os.fsencode(name) for name in missing], home):
                        return True
                finally:
                    os.close(folder)
        except StorageUnavailable as error:
            raise StorageUnavailable(f"{path} cannot be made: {error}") from error
        except OSError as error:
            kind = QuotaExceeded if error.errno in _FULL else StorageUnavailable
            at = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, (str, bytes)) else ""
            raise kind(f"{path} cannot be made: {error.strerror}{at}") from error
        raise StorageUnavailable(f"{path} cannot be made: something else keeps coming and going there")

    def _sweep(self, folder: int) -> None:
        state, now = os.fstat(folder), self._clock()
        key = (state.st_dev, state.st_ino)
        if now - self._swept.get(key, float("-inf")) < SWEEP_SECONDS:
            return
        if len(self._swept) >= 1000:
            self._swept.clear()
        self._swept[key] = now
        with contextlib.suppress(OSError):
            sweep(folder)


def _descend(home: NewHome) -> tuple[int, tuple[str, ...]]:
    """The lowest directory on the way that is there, opened, and the names that are missing from there on."""
    fd, names, at = _begin(home)
    try:
        for depth, name in enumerate(names):
            at = os.path.join(at, name)
            try:
                below = os.open(name, STEP, dir_fd=fd)
            except FileNotFoundError:
                if len(names) - depth > 1 and home.parents is None:
                    raise StorageUnavailable(f"{at} does not exist, and create_parents is not set") from None
                return fd, names[depth:]
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
                raise StorageUnavailable(f"{at} is a link or no directory") from error
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd, ()


def _begin(home: NewHome) -> tuple[int, tuple[str, ...], str]:
    """The directory to go down from, opened, the names on the way, and its path."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(home.above, flags), home.below, home.above
    except FileNotFoundError:
        if not home.base:
            raise StorageUnavailable(f"{home.above} does not exist; is its file system mounted?") from None
    names = os.path.relpath(home.above, home.base).split(os.sep)
    return os.open(home.base, flags), (*names, *home.below), home.base


def _make(folder: int, missing: list[bytes], home: NewHome) -> bool:
    """Make all that is missing below `folder`; False: somebody else was quicker."""
    with unfinished(folder) as name:
        try:
            _fill(folder, name, missing[1:], home)
            if _show(folder, name, missing[0]):
                if home.durability == "full":
                    _sync(folder)
                return True
        except BaseException:
            with contextlib.suppress(OSError):
                remove(folder, name)
            raise
        remove(folder, name)
        return False


def _fill(folder: int, name: bytes, between: list[bytes], home: NewHome) -> None:
    """The home, in the folders `between` and the outermost one, called `name`."""
    opened = [make_folder(name, folder)]
    try:
        for one in between:
            opened.append(make_folder(one, opened[-1]))
        if home.skeleton:
            Skeleton(home).copy(opened[-1])
        give(opened[-1], home.mode, home)
        ours = NewHome(home.above, home.below, durability=home.durability)
        for fd in reversed(opened[:-1]):
            give(fd, home.parents or 0o700, ours)
    finally:
        for fd in opened:
            os.close(fd)


def _show(folder: int, name: bytes, own: bytes) -> bool:
    """Give it its own name; False: that is taken."""
    try:
        kernel.rename(folder, name, folder, own, kernel.RENAME_NOREPLACE)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # A file system without RENAME_NOREPLACE. Between this look and the next line nothing but an empty folder can be replaced.
        if is_taken(folder, own):
            return False
        os.rename(name, own, src_dir_fd=folder, dst_dir_fd=folder)
    return True


def _sync(folder: int) -> None:
    fd = os.open(b".", FOLDER, dir_fd=folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
