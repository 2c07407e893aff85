"""The way to a root that the gateway opens for people."""

from __future__ import annotations

import errno
import os
from stat import S_ISDIR, S_ISLNK

from .confined import LINKS_MAX

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def open_way(path: str) -> int:
    """An O_PATH descriptor of the directory at the absolute `path`. Raises `OSError`: ELOOP if a link lies on the way that is
    neither the superuser's nor the gateway's.

    A person who owns a folder on the way could have put it there, to get where they cannot go themselves. With a directory they
    could not: moving one needs the right to write to it.
    """
    todo = [name for name in reversed(path.split("/")) if name]
    fd, links = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), 0
    try:
        while todo:
            step = os.open(todo.pop(), _STEP, dir_fd=fd)
            state = os.fstat(step)
            if not S_ISLNK(state.st_mode):
                os.close(fd)
                fd = step
                continue
            try:
                links += 1
                if links > LINKS_MAX or state.st_uid not in (0, os.geteuid()):
                    raise OSError(errno.ELOOP, "a link of somebody else leads to the root")
                target = os.readlink("", dir_fd=step)
            finally:
                os.close(step)
            if target.startswith("/"):
                os.close(fd)
                fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            todo += [name for name in reversed(target.split("/")) if name]
        if not S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except BaseException:
        os.close(fd)
        raise
    return fd
