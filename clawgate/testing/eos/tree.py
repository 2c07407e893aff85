"""The namespace: what is where (section 7 of the reference). Nothing here checks rights."""

from __future__ import annotations

import errno
from typing import Any

from .failures import EosError
from .nodes import DIRECTORY, SECOND, Container, File
from .profile import Profile


class Tree:
    """All directories and files."""

    def __init__(self, profile: Profile, clock: Any) -> None:
        self.profile = profile
        self._clock = clock
        self._containers = 1
        self._files = 0
        now = self.now()
        self.root = Container(1, "", None, 0, 0, DIRECTORY | 0o755, now, now, now)
        self.containers: dict[int, Container] = {1: self.root}
        self.files: dict[int, File] = {}

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return int(self._clock.seconds() * SECOND)

    def look(self, path: str) -> Container | File | None:
        """What is at a path; empty parts do not count."""
        node: Container | File | None = self.root
        for part in path.split("/"):
            if part:
                node = node.child(part) if isinstance(node, Container) else None
        return node

    def find(self, path: str) -> Container | File:
        """What is at a path; ENOENT."""
        node = self.look(path)
        if node is None:
            raise EosError(errno.ENOENT, "stat", path)
        return node

    def directory(self, path: str) -> Container:
        """The directory at a path; ENOENT, ENOTDIR."""
        node = self.find(path)
        if not isinstance(node, Container):
            raise EosError(errno.ENOTDIR, "open directory", path)
        return node

    def file(self, path: str) -> File:
        """The file at a path; ENOENT, EISDIR."""
        node = self.find(path)
        if not isinstance(node, File):
            raise EosError(errno.EISDIR, "open file", path)
        return node

    def new_container(self, parent: Container, name: str, uid: int, gid: int, mode: int | None = None) -> Container:
        """A directory with the attributes and the mode of its parent (section 7.3)."""
        self._containers += 1
        now = self.now()
        bits = DIRECTORY | ((mode if mode is not None else parent.mode) & 0o7777)
        made = Container(self._containers, name, parent, uid, gid, bits, now, now, now, dict(parent.xattr))
        made.xattr.pop("sys.tmp.etag", None)
        parent.containers[name] = made
        self.containers[made.id] = made
        return made

    def new_file(self, parent: Container, name: str, uid: int, gid: int) -> File:
        """An empty file."""
        self._files += 1
        now = self.now()
        made = File(self._files, name, parent, uid, gid, 0o644, now, now, now)
        made.checksum_type = parent.xattr.get("sys.forced.checksum", self.profile.checksum)
        parent.files[name] = made
        self.files[made.id] = made
        return made

    def detach(self, node: Container | File) -> None:
        """Take something out of its directory; it keeps its name, and may be attached again."""
        if node.parent is not None:
            if isinstance(node, File):
                del node.parent.files[node.name]
            else:
                del node.parent.containers[node.name]
        node.parent = None

    def attach(self, node: Container | File, parent: Container, name: str) -> None:
        """Put something detached somewhere."""
        node.parent, node.name = parent, name
        if isinstance(node, File):
            parent.files[name] = node
        else:
            parent.containers[name] = node

    def forget(self, node: Container | File) -> None:
        """What is detached is gone for good."""
        if isinstance(node, File):
            self.files.pop(node.id, None)
            return
        for below in node.walk():
            if isinstance(below, File):
                self.files.pop(below.id, None)
            else:
                below.removed = True
                self.containers.pop(below.id, None)
        node.removed = True
        self.containers.pop(node.id, None)

    def by_inode(self, inode: int) -> Container | File | None:
        """Section 7.1."""
        if inode >> 63:
            return self.files.get(inode & ~(1 << 63))
        if not self.profile.new_inodes and inode >= 1 << 28:
            return self.files.get(inode >> 28)
        return self.containers.get(inode)
