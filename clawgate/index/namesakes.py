"""The other names of files that have several: what changed under one has changed under all. Runs in a database thread."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.node import ALIKE, Identity, Kind, Node
from ..model.path import Path
from ..state.engine import Connection
from . import rows
from .row import Row

BELOW = 1000
"""Of so many files below a folder that is gone it is asked whether they have other names."""


def of_changed(connection: Connection, space: int, row: Row, node: Node, identity: Identity) -> Iterator[Path]:
    """The other places of the file that `row` was and `node` is, as far as they are not known to look as this one does."""
    if identity.own.startswith(ALIKE):
        return
    for other in rows.claimants(connection, space, identity):
        if other.no != row.no and other.own == identity.own and other.seen != node.seen:
            path = rows.path_of(connection, other)
            if path is not None:
                yield Path(path)


def of_departed(connection: Connection, space: int, row: Row) -> Iterator[Path]:
    """The other places of files that are not where `row` says any more: whoever changed one by that name just before has changed
    it there as well. Of a folder with all below, as far as that is little."""
    todo = [row]
    for left in range(BELOW, 0, -1):
        if not todo:
            return
        one = todo.pop()
        if one.kind == Kind.FOLDER:
            todo += rows.some_children(connection, one.no, left)
        else:
            yield from _others(connection, space, one)


def _others(connection: Connection, space: int, row: Row) -> Iterator[Path]:
    if row.own.startswith(ALIKE):
        return
    for other in rows.claimants(connection, space, Identity(row.own, row.own)):
        if other.no != row.no and other.own == row.own:
            path = rows.path_of(connection, other)
            if path is not None:
                yield Path(path)
