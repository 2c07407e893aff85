"""What folders looked like when all that they hold was entered for the last time, and how far a pass over them has come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select

from ..state.engine import Connection
from ..state.prepared import Prepared, upsert
from . import rows
from .schema import folder_print, node, scan

_known = Prepared(
    select(node.c.no, node.c.learned, folder_print.c.fingerprint, folder_print.c.below)
    .select_from(node.outerjoin(folder_print, folder_print.c.node == node.c.no))
    .where(node.c.parent == bindparam("parent"), node.c.name == bindparam("name"), node.c.kind == 2),
    "parent",
    "name",
)
_print = Prepared(
    select(folder_print.c.fingerprint, folder_print.c.below).where(folder_print.c.node == bindparam("node")),
    "node",
)
_put = Prepared(upsert(folder_print), *[column.name for column in folder_print.columns])
_STATE = [column.name for column in scan.columns]
_state = Prepared(select(*scan.columns).where(scan.c.space == bindparam("space")), "space")
_save = Prepared(upsert(scan), *_STATE)


class Known(NamedTuple):
    """What is known of a folder."""

    no: int
    """Its row."""
    learned: bool
    fingerprint: int | None
    """None: all that it holds was not entered yet, or not at once."""
    below: str


class Print(NamedTuple):
    """What a folder looked like."""

    no: int
    fingerprint: int
    below: str
    """Empty: not everything below is entered."""


class Tally(NamedTuple):
    """What a pass has come to."""

    folders: int = 0
    entries: int = 0
    changed: int = 0
    failed: int = 0
    whole: bool = True
    """Whether no folder was left out."""


class State(NamedTuple):
    """The passes over a space; times are Unix seconds, 0: never."""

    began: float = 0.0
    """When the one under way began; 0: none is."""
    cursor: str = ""
    """The path at which it goes on; what comes before is done."""
    so_far: Tally = Tally()
    started: float = 0.0
    """Of the last one that came to its end, as what follows."""
    finished: float = 0.0
    folders: int = 0
    entries: int = 0
    changed: int = 0


def known(connection: Connection, space: int, places: Iterable[tuple[int, str]]) -> list[Known | None]:
    """What is known of folders, given by the rows of their parents (0: the root of the space) and their names."""
    found: list[Known | None] = []
    for parent, name in places:
        if parent:
            row = _known.one(connection, parent, name)
        else:
            root = rows.root(connection, space)
            row = root and (root.no, root.learned, *(_print.one(connection, root.no) or (None, "")))
        found.append(Known(row[0], bool(row[1]), row[2], row[3] or "") if row else None)
    return found


def put(connection: Connection, prints: Sequence[Print]) -> None:
    """Remember what folders looked like."""
    _put.many(connection, prints)


def state(connection: Connection, space: int) -> State:
    """The passes over a space."""
    row = _state.one(connection, space)
    if row is None:
        return State()
    _, began, cursor, so_far, *last = row
    return State(began, cursor, Tally(*json.loads(so_far)), *last)


def save(connection: Connection, space: int, state: State) -> None:
    """Note how far the passes over a space are."""
    began, cursor, so_far, *last = state
    _save.run(connection, space, began, cursor, json.dumps(so_far), *last)
