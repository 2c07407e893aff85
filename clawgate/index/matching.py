"""Whether a node that was found is one of the rows that are known, and what that row is then."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.node import Identity, Node
from .entry import FOLDER, file_etag
from .row import Row

ALIKES = 3
"""Of more files with the same content nobody can say which one was moved, and there is no looking at them all."""


def written(row: Row) -> str:
    """The name of a row as the journal has it."""
    return f"{row.name}/" if row.kind == FOLDER else row.name


def etag_of(node: Node, own: str) -> str:
    """The storage's own etag if it has one."""
    return node.etag or file_etag(own, node.size, node.mtime_ns)


def is_same(gone: Row, node: Node, identity: Identity) -> bool:
    """Whether what is `gone` can be `node`, which has its id. Where a file system tells inodes apart by nothing but their number,
    that of a removed file may be another one's by now: then time and size must be the same."""
    if gone.kind != node.kind:
        return False
    same = gone.size == node.size and gone.etag == etag_of(node, identity.own)
    return not identity.own.startswith("i") or node.is_folder or same


def likely(claimants: Sequence[Row], identity: Identity) -> list[Row]:
    """Those of the files with the same content that may be the one with this identity."""
    gone = [row for row in claimants if row.gone]
    same = [row for row in claimants if row.id == identity.id]
    return same or gone or (list(claimants) if len(claimants) <= ALIKES else [])


def arrived(row: Row, parent: int, node: Node, identity: Identity | None) -> Row:
    """`row` as it is once it is known to be `node` in the folder `parent`; no `identity`: it is the same inode as before."""
    moved = row._replace(parent=parent, name=node.name, seen=node.seen, mtime_ns=node.mtime_ns)
    if node.is_folder:
        return moved
    own = identity.own if identity is not None else row.own
    etag = etag_of(node, own)
    checksums = node.checksums or (identity.checksums if identity is not None else "")
    if etag == row.etag:
        checksums = checksums or row.checksums
    return moved._replace(size=node.size, own=own, etag=etag, checksums=checksums)
