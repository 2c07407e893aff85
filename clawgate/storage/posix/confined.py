"""Opening paths that cannot lead out of a directory, whatever others rename or link meanwhile.

`open_beneath` asks the kernel (openat2(2) with RESOLVE_BENEATH); `open_walking` goes from directory to directory with O_NOFOLLOW.
Both raise `OSError`: ELOOP for a link that is not followed (or too many of them), EXDEV for one that leads out; an absolute link
counts as leading out.
"""

from __future__ import annotations

import errno
import os
from stat import S_ISDIR, S_ISLNK

from . import kernel

LINKS_MAX = 40
"""Links followed in one path, as the kernel does."""
PATH_MAX = 4095
"""Longest path the kernel takes, in bytes; longer ones are walked."""

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def open_beneath(root: int, path: bytes, flags: int, *, follow: bool, ask_kernel: bool) -> int:
    """Open `path` below the descriptor `root`; the empty path is `root` itself."""
    if not ask_kernel or len(path) > PATH_MAX:
        return open_walking(root, path, flags, follow=follow)
    resolve = kernel.RESOLVE_BENEATH | kernel.RESOLVE_NO_MAGICLINKS
    return kernel.openat2(root, path or b".", flags, resolve if follow else resolve | kernel.RESOLVE_NO_SYMLINKS)


def open_walking(root: int, path: bytes, flags: int, *, follow: bool) -> int:
    """As `open_beneath`, without openat2."""
    folder, name = walk(root, path, follow=follow)
    try:
        try:
            fd = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except NotADirectoryError:
            if S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise _error(errno.ELOOP) from None
            raise
    finally:
        os.close(folder)
    if flags & os.O_PATH and S_ISLNK(os.fstat(fd).st_mode):
        os.close(fd)
        raise _error(errno.ELOOP)
    return fd


def walk(root: int, path: bytes, *, follow: bool) -> tuple[int, bytes]:
    """Resolve all but the last name of `path`; returns the folder's descriptor (to be closed) and that name.

    With `follow` a link as last name is resolved, too, so that the name returned is that of its target (which may be missing).
    Going up is going back to the descriptor one came from, so that not even a renamed directory leads out.
    """
    opened = [os.dup(root)]
    todo = path.split(b"/")[::-1]
    links = 0
    try:
        while True:
            name = todo.pop()
            last = not todo
            if name == b"..":
                if len(opened) == 1:
                    raise _error(errno.EXDEV)
                os.close(opened.pop())
            if name in (b"", b".", b".."):
                if last:
                    return opened.pop(), b"."
                continue
            if last and not follow:
                return opened.pop(), name
            try:
                fd = os.open(name, _STEP, dir_fd=opened[-1])
            except FileNotFoundError:
                if last:
                    return opened.pop(), name
                raise
            opened.append(fd)
            mode = os.fstat(fd).st_mode
            if S_ISLNK(mode):
                links += 1
                if not follow or links > LINKS_MAX:
                    raise _error(errno.ELOOP)
                target = os.readlink(b"", dir_fd=fd)
                if target.startswith(b"/"):
                    raise _error(errno.EXDEV)
                todo.extend(reversed(target.split(b"/")))
                os.close(opened.pop())
            elif last:
                os.close(opened.pop())
                return opened.pop(), name
            elif not S_ISDIR(mode):
                raise _error(errno.ENOTDIR)
            elif not follow:
                os.close(opened.pop(0))
    finally:
        for fd in opened:
            os.close(fd)
