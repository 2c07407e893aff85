"""Moving what is known of a node, with all below it, to another place. Runs in a database thread, inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.node import Identity, Node
from ..state.engine import Connection
from . import rows
from .matching import arrived, written
from .row import Row
from .schema import GONE


def transplant(
    connection: Connection, space: int, id: str, chain: Sequence[int], node: Node, identity: Identity | None, at: int
) -> Row | None:
    """Move the row with `id`, with all below it, into the folder ``chain[0]``, where `node` was found, or to where we moved it
    (then without `identity`).

    Both the old and the new chain of folders get a new stamp. Returns the row as it stands; None if no row has this id, or if the
    folder lies below it: then what is known of the places above is old.
    """
    row = rows.by_id(connection, space, id)
    if row is None or row.no in chain:
        return None
    if identity is None and (row.parent, row.name, row.seen) == (chain[0], node.name, node.seen):
        # Somebody who looked meanwhile has entered it.
        return row
    present = rows.child(connection, chain[0], node.name)
    old = [above.no for above in rows.lineage(connection, row.parent)]
    moved = arrived(row, chain[0], node, identity)
    delta = moved.size
    if present is not None and present.no != row.no:
        rows.remove(connection, present, 0 if identity is None else at * 1_000_000_000)
        rows.log(connection, space, present.no, chain[0], "remove", at, written(present), present.id)
        delta -= present.size
    rows.place(connection, moved)
    if row.parent != GONE and (row.parent, row.name) != (chain[0], node.name):
        rows.log(connection, space, row.no, row.parent, "leave", at, written(row))
    stamp = rows.log(connection, space, row.no, chain[0], "move", at, written(moved))
    rows.raise_chain(connection, old, stamp, -row.size)
    rows.raise_chain(connection, chain, stamp, delta)
    return moved
