"""Copying content between files without sending it through Python where the kernel can."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable

from ...errors import Disconnected
from . import kernel

_STEP = 64 * 1024 * 1024
"""Bytes copied between two looks at `stopped`."""
_BLOCK = 1024 * 1024
_CANNOT = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EBADF, errno.EPERM, errno.ETXTBSY}
)


def transfer(source: int, target: int, stopped: Callable[[], bool] = lambda: False) -> None:
    """Fill the empty file `target` with all of `source`: shared blocks, else copied by the kernel, else read and written.

    Raises `Disconnected` once `stopped` says so.
    """
    try:
        fcntl.ioctl(target, kernel.FICLONE, source)
        return
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    transfer_range(source, 0, None, target, 0, stopped)


def transfer_range(
    source: int, start: int, stop: int | None, target: int, at: int, stopped: Callable[[], bool] = lambda: False
) -> int:
    """Write bytes `start` up to (not including) `stop` of `source` (None: to its end) to `target` at byte `at`.

    The kernel shares blocks where it can, else it copies; else they are read and written. Returns how many bytes there were.
    Raises `Disconnected` once `stopped` says so.
    """
    offset, shift = start, at - start

    def most(step: int) -> int:
        return step if stop is None else min(step, stop - offset)

    try:
        while most(_STEP) and (done := os.copy_file_range(source, target, most(_STEP), offset, offset + shift)):
            offset += done
            _check(stopped)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    # Some file systems (procfs, FUSE) say "nothing copied" where there is more: reading decides where the end is.
    while block := os.pread(source, most(_BLOCK), offset):
        view = memoryview(block)
        while view:
            done = os.pwrite(target, view, offset + shift)
            offset += done
            view = view[done:]
        _check(stopped)
    return offset - start


def _check(stopped: Callable[[], bool]) -> None:
    if stopped():
        raise Disconnected("the copy was given up")
