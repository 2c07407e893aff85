"""The system calls of fanotify(7), by ctypes. Each raises `OSError`; none holds the interpreter's lock while it waits."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

MODIFY, ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x02, 0x04, 0x08, 0x40, 0x80, 0x100, 0x200
OVERFLOW, ONDIR = 0x4000, 0x40000000

_INIT = 0x01 | 0x02 | 0x400 | 0x800
"""FAN_CLOEXEC, FAN_NONBLOCK, FAN_REPORT_DIR_FID, FAN_REPORT_NAME; the queue stays bounded."""
_ADD, _REMOVE, _FILE_SYSTEM = 0x01, 0x02, 0x100
_EVENTS = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | ONDIR
_AT_FDCWD = -100

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(function: Callable[..., int], *args: object) -> int:
    result = function(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _function(name: str) -> Callable[..., int]:
    """The C library's `name`; where it has none, one that fails as an old kernel does."""
    found: Callable[..., int] | None = getattr(_libc, name, None)
    if found is None:

        def missing(*args: object) -> int:
            ctypes.set_errno(38)
            return -1

        return missing
    return found


_fanotify_init = _function("fanotify_init")
_fanotify_mark = _function("fanotify_mark")
_open_by_handle_at = _function("open_by_handle_at")


def init() -> int:
    """A non-blocking descriptor whose events name the folder by its handle, and the child (Linux 5.9). EPERM without
    CAP_SYS_ADMIN."""
    return _checked(_fanotify_init, ctypes.c_uint(_INIT), ctypes.c_uint(os.O_RDONLY | os.O_CLOEXEC))


def mark(fd: int, folder: int) -> None:
    """Report what changes on the whole file system of the open `folder`. ENODEV, EOPNOTSUPP, EXDEV where it has no handles."""
    _checked(_fanotify_mark, fd, _ADD | _FILE_SYSTEM, ctypes.c_uint64(_EVENTS), _AT_FDCWD, b"/proc/self/fd/%d" % folder)


def unmark(fd: int, folder: int) -> None:
    """Undo `mark`."""
    _checked(_fanotify_mark, fd, _REMOVE | _FILE_SYSTEM, ctypes.c_uint64(_EVENTS), _AT_FDCWD, b"/proc/self/fd/%d" % folder)


def open_by_handle(mount: int, handle: bytes) -> int:
    """An O_PATH descriptor for a ``struct file_handle``, found below the mount of `mount` (not one of O_PATH).

    ESTALE if it is gone; EPERM without CAP_DAC_READ_SEARCH.
    """
    return _checked(_open_by_handle_at, mount, handle, os.O_PATH | os.O_CLOEXEC)
