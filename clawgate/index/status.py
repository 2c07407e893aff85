"""What an index knows, for the operator."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select

from ..state.engine import Connection
from . import prints, rows
from .prints import State
from .schema import GONE, node


class Status(NamedTuple):
    """One space."""

    space: str
    nodes: int
    """Files and folders that are known."""
    folders: int
    """Folders among them."""
    unlearned: int
    """Folders that nobody has listed yet and that are not learned either; what is in them is not known."""
    passes: State


def read(connection: Connection) -> list[Status]:
    """All spaces that were ever opened."""
    found = []
    for id in sorted(rows.space_ids(connection)):
        no = rows.space_no_of(connection, id)
        assert no is not None
        kinds = select(node.c.kind, func.count()).where(node.c.space == no, node.c.parent != GONE).group_by(node.c.kind)
        counts = {int(kind): int(count) for kind, count in connection.sql.execute(kinds)}
        unlearned = rows.count_unlearned(connection, no)
        found.append(Status(id, sum(counts.values()), counts.get(2, 0), unlearned, prints.state(connection, no)))
    return found
