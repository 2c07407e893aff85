"""One row of the index as it is kept in memory, and how etags are made."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from itertools import count
from typing import Any

from ..model.node import Kind, Node
from ..model.path import Path

FOLDER = int(Kind.FOLDER)

revisions = count(1)
"""Numbers for `Entry.revision`; no two states of a folder in one process share one."""


def file_etag(own: str, size: int, mtime_ns: int) -> str:
    """The etag of a file: a function of what the storage keeps, so it outlives the index.

    `own` names the very inode: content that replaces other content of the same size and time has another etag.
    """
    return blake2b(f"{own}.{size}.{mtime_ns}".encode(), digest_size=10).hexdigest()


def folder_etag(epoch: str, no: int, stamp: int) -> str:
    """The etag of a folder: its number in the index and the number of the last change at or below it.

    `epoch` is another one in every index, so that numbers which start anew never repeat an etag.
    """
    return f"{epoch}{no:x}-{stamp:x}"


def read_folder_etag(epoch: str, etag: str) -> tuple[int, int]:
    """Number and stamp in an etag of `folder_etag`. Raises `ValueError` if it is none of this index."""
    no, dash, stamp = etag.removeprefix(epoch).partition("-")
    if not (etag.startswith(epoch) and dash):
        raise ValueError("not an etag of a folder of this index")
    return int(no, 16), int(stamp, 16)


class Entry:
    """A node as the index knows it, with what only this process knows of it."""

    __slots__ = (
        "checked",
        "checksums",
        "current",
        "etag",
        "id",
        "kind",
        "learned",
        "listed",
        "mark",
        "mtime_ns",
        "name",
        "no",
        "own",
        "parent",
        "place",
        "revision",
        "seen",
        "size",
        "stamp",
    )

    def __init__(self, row: tuple[Any, ...], checked: float = 0.0) -> None:
        """`row` has the columns of `statements.COLUMNS`."""
        (
            self.no,
            self.parent,
            self.name,
            self.kind,
            self.size,
            self.mtime_ns,
            self.seen,
            self.id,
            self.own,
            self.etag,
            self.checksums,
            self.stamp,
            self.learned,
        ) = row
        self.checked = checked
        """When the storage last confirmed it (clock seconds)."""
        self.listed = 0.0
        """Folders: when the storage last confirmed all its children."""
        self.revision = next(revisions)
        """Folders: changes whenever anything that its listing shows changes."""
        self.current: Callable[[], bool] | None = None
        """Folders: the storage's voucher for the last listing, see `interfaces.Listing.current`."""
        self.place: Path | None = None
        """Folders: what the voucher speaks of, see `interfaces.Listing.place`."""
        self.mark: tuple[int, int] | None = None
        """Folders: fingerprint of the last scan and the revision that it confirmed."""

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder."""
        return bool(self.kind == FOLDER)


def to_node(row: Any, prefix: str, epoch: str) -> Node:
    """The node that `row` (an `Entry`) describes; `prefix` comes before its id."""
    if row.kind == FOLDER:
        return Node(
            row.name, Kind.FOLDER, row.size, row.mtime_ns, row.seen, prefix + row.id, folder_etag(epoch, row.no, row.stamp), ""
        )
    return Node(row.name, Kind.FILE, row.size, row.mtime_ns, row.seen, prefix + row.id, row.etag, row.checksums)
