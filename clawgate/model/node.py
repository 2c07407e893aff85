"""What a storage says of one file or folder."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """Files and folders; nothing else is ever shown."""

    FILE = 1
    FOLDER = 2


class Node(NamedTuple):
    """One file or folder at one moment.

    A named tuple and not an attrs class because listings build ten thousand of them: 0.3 µs each against 2.5 µs.
    """

    name: str
    """The last segment of its path; empty for a storage's root."""
    kind: Kind
    size: int
    """Bytes; of a folder the sum of all files below as far as known."""
    mtime_ns: int
    seen: str
    """The storage's own mark of this version (POSIX: inode and ctime; S3: ETag). Equal marks mean: nothing changed."""
    id: str = ""
    """Stays through overwrite, rename and move; empty where the storage has no ids of its own (see `Abilities.ids`)."""
    etag: str = ""
    """Without quotes. Empty where the storage leaves it to the index; a storage that gives its files etags must be able to tell
    them again from nothing but itself, and gives a moved file the one that it had."""
    checksums: str = ""
    """``SHA1:hex MD5:hex ADLER32:hex``, blank-separated as in ``oc:checksums``; empty if none is known."""

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder."""
        return self.kind == Kind.FOLDER


def set_back(before: str, now: str) -> float:
    """By how many seconds the time of change in two marks (`Node.seen`) of one node went back; 0 where they tell of none."""
    (inode, _, then), (same, _, later) = before.partition("."), now.partition(".")
    if inode != same or not then or not later:
        return 0.0
    try:
        return max(0.0, (int(then, 16) - int(later, 16)) / 1e9)
    except ValueError:
        return 0.0


class Identity(NamedTuple):
    """How a node is known apart from its name."""

    id: str
    """Stable over rename, move and overwrite."""
    own: str
    """Of this very copy on the storage (POSIX: the inode with its generation): another one has another. Part of file etags."""
    checksums: str = ""
    """Stored checksums that still belong to the content, as in `Node.checksums`."""
    kept: bool = False
    """The storage keeps `id` with the node, so that it is found by nothing else."""


ALIKE = "="
"""Begins an `Identity.own` that follows from the content: other nodes may have the same one."""
