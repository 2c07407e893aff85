"""The staging folder of a tree that several people work on as themselves.

``.clawgate`` then belongs to the gateway or the superuser and lets everybody make something in it, see nothing, and remove
nothing of others (mode 1733). In it each person has a folder of their own, named by the uid, which is what a whole ``.clawgate``
is to a tree of one person: nobody else can look into it, and what lies there counts against the person's quota.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from stat import S_IMODE, S_ISDIR, S_ISVTX

from ...errors import StorageUnavailable

STAGING = b".clawgate"
"""As in `ground`."""
MODE = 0o1733

_OUTER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_INNER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MENDED = "the administrator can mend that: see 'clawgate check'"
_TAKEN = f"somebody else has taken the place for what is not finished; {_MENDED}"
_DEFAULT_ACL = "system.posix_acl_default"


def remedy() -> str:
    """What an administrator does about a shared tree without a usable staging folder; ``ROOT`` stands for its root."""
    return f"install -d -m {MODE:04o} -o {os.geteuid()} ROOT/.clawgate"


def open_own(root: int, uid: int, *, create: bool) -> int:
    """The folder of the person `uid`, whose rights the thread has. Raises `StorageUnavailable`, and `FileNotFoundError` if there
    is none and it is not to be made."""
    try:
        outer = os.open(STAGING, _OUTER, dir_fd=root)
    except FileNotFoundError:
        if not create:
            raise
        raise StorageUnavailable(f"this shared space has no place for what is not finished; {_MENDED}") from None
    name = b"%d" % uid
    try:
        _check(outer)
        with contextlib.suppress(FileNotFoundError):
            return _opened(outer, name, uid)
        if not create:
            raise FileNotFoundError(2, os.strerror(2))
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=outer)
        except PermissionError:
            raise StorageUnavailable(f"nobody may put unfinished content into this shared space; {_MENDED}") from None
        return _opened(outer, name, uid)
    finally:
        os.close(outer)


def _check(outer: int) -> None:
    """Whoever owns the folder could exchange what others have in it."""
    state = os.fstat(outer)
    if state.st_uid not in (0, os.geteuid()):
        raise StorageUnavailable(f"the place for what is not finished belongs to a person; {_MENDED}")
    if state.st_mode & 0o022 and not state.st_mode & S_ISVTX:
        raise StorageUnavailable(f"the place for what is not finished is not protected; {_MENDED}")


def _opened(outer: int, name: bytes, uid: int) -> int:
    try:
        fd = os.open(name, _INNER, dir_fd=outer)
    except (PermissionError, NotADirectoryError):
        raise StorageUnavailable(_TAKEN) from None
    check_owner(fd, uid)
    try:
        state = os.fstat(fd)
        if S_IMODE(state.st_mode) & 0o2077:
            # What the root hands down to new folders must not reach the files that are made here for other folders.
            with contextlib.suppress(OSError):
                os.removexattr(fd, _DEFAULT_ACL)
            os.fchmod(fd, 0o700)
    except BaseException:
        os.close(fd)
        raise
    return fd


def check_owner(fd: int, uid: int | None) -> None:
    """Raise `StorageUnavailable`, and close the folder `fd`, if it belongs to somebody else than the person `uid`: what lies in
    it is believed. None: the gateway's own, whoever that is."""
    if uid is not None and os.fstat(fd).st_uid != uid:
        os.close(fd)
        raise StorageUnavailable(_TAKEN)


def prepare(root: int) -> None:
    """Make ``.clawgate`` with the gateway's own rights, or open it up if the gateway used it alone before, as far as it may."""
    with contextlib.suppress(FileExistsError, PermissionError):
        os.mkdir(STAGING, 0o700, dir_fd=root)
    with contextlib.suppress(OSError):
        fd = os.open(STAGING, _INNER, dir_fd=root)
        try:
            state = os.fstat(fd)
            if state.st_uid == os.geteuid() and S_IMODE(state.st_mode) != MODE:
                with contextlib.suppress(OSError):
                    os.removexattr(fd, _DEFAULT_ACL)
                os.fchmod(fd, MODE)
        finally:
            os.close(fd)


def owners(root: int) -> Iterator[tuple[int, int]]:
    """Uid and gid of each folder of a person; with the gateway's own rights. Nothing where it may not look."""
    try:
        outer = os.open(STAGING, _INNER, dir_fd=root)
    except OSError:
        return
    try:
        for name in os.listdir(outer):
            with contextlib.suppress(FileNotFoundError):
                state = os.stat(name, dir_fd=outer, follow_symlinks=False)
                if name == str(state.st_uid) and S_ISDIR(state.st_mode):
                    yield state.st_uid, state.st_gid
    finally:
        os.close(outer)
