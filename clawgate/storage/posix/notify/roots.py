"""Where the roots of trees lie, and to which of them the handle of a folder belongs."""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator

import attrs

from .. import kernel
from ..ground import Descriptor
from . import fanotify_calls
from .fanotify_events import FSID_BYTES
from .tree import Tree

_HANDLE = struct.Struct("=Ii")
"""Start of struct file_handle: length, type."""
_DELETED = b" (deleted)"
_GONE = frozenset({errno.ESTALE, errno.ENOENT})


@attrs.frozen(eq=False)
class Root:
    """The root of a tree whose file system is watched."""

    tree: Tree
    descriptor: Descriptor
    file_system: bytes
    """The id as events bear it."""
    path: bytes
    """Where it is, as the kernel says. Comparable with other paths through the same mount only."""


def root_of(tree: Tree, descriptor: Descriptor) -> Root:
    """What is to be known of `tree`, whose root is `descriptor`. Raises `OSError`."""
    return Root(tree, descriptor, file_system_id(descriptor.fd), path_of_descriptor(descriptor.fd))


def file_system_id(fd: int) -> bytes:
    """The id of a file system as events bear it."""
    return os.fstatvfs(fd).f_fsid.to_bytes(FSID_BYTES, sys.byteorder)


def check(root: Root) -> None:
    """Raise `OSError` if handles on the file system of `root` cannot be opened by this process."""
    own = kernel.handle(root.descriptor.fd, b"")
    if own is None:
        raise OSError(errno.EOPNOTSUPP, "the file system has no handles")
    fd = Mount([root]).open()
    try:
        resolve(fd, _HANDLE.pack(len(own.data), own.kind) + own.data)
    finally:
        os.close(fd)


def path_of_descriptor(fd: int) -> bytes:
    """The path of what is open as `fd`."""
    return os.readlink(b"/proc/self/fd/%d" % fd)


class Mount:
    """The roots that are reached through one mount: only there can paths be compared, whatever is mounted where."""

    def __init__(self, roots: list[Root]) -> None:
        self._roots = roots
        self._by_path: dict[bytes, list[Root]] = {}
        for root in roots:
            self._by_path.setdefault(root.path, []).append(root)

    @property
    def nested(self) -> bool:
        """Whether some root lies within another, or is one."""
        if len(self._by_path) < len(self._roots):
            return True
        return any(len(list(self.matches(root.path))) > 1 for root in self._roots)

    @property
    def moved(self) -> bool:
        """Whether the mount is somewhere else now."""
        return path_of_descriptor(self._roots[0].descriptor.fd) != self._roots[0].path

    @property
    def trees(self) -> Iterator[Tree]:
        """The trees of all roots."""
        return (root.tree for root in self._roots)

    def open(self) -> int:
        """A descriptor by which handles can be opened."""
        return os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._roots[0].descriptor.fd)

    def matches(self, path: bytes) -> Iterator[tuple[Tree, bytes]]:
        """The trees that hold `path`, and what it is called below their roots."""
        above = path
        while True:
            for root in self._by_path.get(above, ()):
                yield root.tree, path[len(above) :].lstrip(b"/")
            if above == b"/":
                return
            above = above.rpartition(b"/")[0] or b"/"


class Roots:
    """All roots at one moment; never changed."""

    def __init__(self, roots: Iterable[Root] = ()) -> None:
        self.all = {root.tree: root for root in roots}
        mounts: dict[tuple[bytes, int | None], list[Root]] = {}
        for root in self.all.values():
            mounts.setdefault((root.file_system, root.descriptor.mount), []).append(root)
        self._mounts: dict[bytes, list[Mount]] = {}
        for (file_system, _), found in mounts.items():
            self._mounts.setdefault(file_system, []).append(Mount(found))
        self.shared = any(len(found) > 1 or found[0].nested for found in self._mounts.values())
        """Whether one change may concern two trees."""

    @property
    def moved(self) -> bool:
        """Whether some mount is somewhere else now."""
        return any(mount.moved for mounts in self._mounts.values() for mount in mounts)

    def mounts(self, file_system: bytes) -> list[Mount]:
        """The mounts of one file system."""
        return self._mounts.get(file_system, [])


def resolve(mount: int, handle: bytes) -> bytes | None:
    """The present path of the folder with this ``struct file_handle``; None if it is gone. Raises `OSError`."""
    try:
        fd = fanotify_calls.open_by_handle(mount, handle)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    try:
        path = path_of_descriptor(fd)
        return None if path.endswith(_DELETED) and not os.fstat(fd).st_nlink else path
    finally:
        os.close(fd)
