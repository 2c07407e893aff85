"""Directories and files: ids, times, etags (sections 7.1 and 7.2 of the reference)."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from .profile import Profile

SECOND = 1_000_000_000
DIRECTORY = 0o040000
EMPTY_CHECKSUM = "00000001"
VERSIONS = ".sys.v#."
ATOMIC = ".sys.a#."


@attrs.define(eq=False)
class Node:
    """What directories and files have in common; times in nanoseconds since 1970."""

    id: int
    name: str
    parent: Container | None
    uid: int
    gid: int
    mode: int
    ctime: int
    mtime: int
    btime: int
    xattr: dict[str, str] = attrs.field(factory=dict)

    @property
    def path(self) -> str:
        """Where it is, without a slash at the end; what was removed is at the root."""
        parts: list[str] = []
        node: Node = self
        while node.parent is not None:
            parts.append(node.name)
            node = node.parent
        return "/" + "/".join(reversed(parts))


@attrs.define(eq=False)
class Container(Node):
    """A directory."""

    containers: dict[str, Container] = attrs.field(factory=dict)
    files: dict[str, File] = attrs.field(factory=dict)
    stime: int = 0
    """The time of the newest change below that has been propagated."""
    tree_size: int = 0
    """Logical bytes below, as far as accounted."""
    removed: bool = False

    @property
    def tmtime(self) -> int:
        """The time that the etag is made of."""
        return max(self.stime, self.mtime)

    @property
    def propagates(self) -> bool:
        """Whether changes below go on to the parent (section 7.3)."""
        return "sys.mtime.propagation" in self.xattr

    def child(self, name: str) -> Container | File | None:
        """What has this name."""
        return self.containers.get(name) or self.files.get(name)

    def children(self) -> Iterator[Container | File]:
        """Files, then directories."""
        yield from self.files.values()
        yield from self.containers.values()

    def walk(self) -> Iterator[Container | File]:
        """All that is below, without itself."""
        for child in list(self.children()):
            yield child
            if isinstance(child, Container):
                yield from child.walk()


@attrs.define(eq=False)
class File(Node):
    """A file, or a symbolic link."""

    size: int = 0
    checksum: str | None = EMPTY_CHECKSUM
    """Hex with its zeros; None as long as it is not known."""
    checksum_type: str = "adler"
    target: str = ""
    committed: bool = True
    """Whether the bytes are all there."""
    charged: tuple[int, int, int, int] | None = None
    """What quota counts: node, uid, gid, logical bytes."""


def file_inode(profile: Profile, fid: int) -> int:
    """Section 7.1."""
    return fid | 1 << 63 if profile.new_inodes else fid << 28


def inode_of(profile: Profile, node: Node) -> int:
    """The inode as clients are told."""
    return file_inode(profile, node.id) if isinstance(node, File) else node.id


def etag_of(node: Container | File) -> str:
    """Section 7.2, quoted for files and not for directories."""
    if "sys.tmp.etag" in node.xattr:
        return node.xattr["sys.tmp.etag"]
    if isinstance(node, Container):
        return f"{node.id:x}:{node.tmtime // SECOND}.{node.tmtime // 1_000_000 % 1000:03d}"
    if node.checksum is None:
        return f'"{node.id << 28}:{node.ctime // SECOND}"'
    if node.checksum_type == "md5":
        return f'"{node.checksum}"'
    # Always the legacy inode, whatever the instance uses elsewhere.
    return f'"{node.id << 28}:{node.checksum}"'


def there(*nodes: Container | File | None) -> list[Container | File]:
    """Those that are not None."""
    return [node for node in nodes if node is not None]


def split(path: str) -> tuple[str, str]:
    """The parent's path and the name."""
    parent, _, name = path.rstrip("/").rpartition("/")
    return parent or "/", name
