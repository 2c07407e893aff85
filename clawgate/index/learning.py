"""Entering many folders that nobody has listed yet in one transaction. Runs in a database thread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from ..model.node import Identity, Node
from ..model.path import Path
from ..state.engine import Connection
from . import prints, rows
from .prints import Print
from .reconcile import News, Outcome, apply
from .row import Row


class Lesson(NamedTuple):
    """A folder that nobody has listed yet."""

    no: int
    stamp: int
    """When it was found; another one means that we have changed something in it since."""
    path: Path | None
    """None: it is gone."""
    seen: str = ""


class Shown(NamedTuple):
    """What such a folder shows."""

    lesson: Lesson
    children: Sequence[tuple[Node, Identity]]
    folder: Node | None
    """What the storage says of the folder itself; None: there are more children to come."""
    names: Collection[str] = ()
    """All children; needed only with `folder`."""
    fingerprint: int = 0
    """As `Glance.fingerprint`; needed only with `folder`."""
    read: int = 0
    """The moment before it was read, see `Disturbances`; needed only with `folder`."""


class Learned(NamedTuple):
    """What became of it."""

    chain: list[Row]
    """The folder and all above it, as they were before."""
    outcome: Outcome


def lessons(connection: Connection, space: int, after: int, limit: int) -> list[Lesson]:
    """Folders to learn, with numbers above `after`, in their order."""
    known: dict[int, str | None] = {}
    found: list[Lesson] = []
    for row in rows.unlearned(connection, space, after, limit):
        if row.parent not in known:
            above = rows.by_no(connection, row.parent)
            known[row.parent] = rows.path_of(connection, above) if above is not None else None
        folder = known[row.parent]
        if row.parent == 0:
            folder = ""
        path = None if folder is None else Path(f"{folder}/{row.name}" if folder else row.name)
        found.append(Lesson(row.no, row.stamp, path, row.seen))
    return found


def learn(connection: Connection, space: int, at: int, shown: Sequence[Shown]) -> list[Learned | None]:
    """Enter what folders show (`at`: Unix seconds). None: somebody else has entered something there since, or it is gone."""
    found: list[Learned | None] = []
    for one in shown:
        chain = rows.lineage(connection, one.lesson.no)
        if not chain or chain[-1].parent != 0 or chain[0].learned or chain[0].stamp != one.lesson.stamp:
            found.append(None)
            continue
        vanished = rows.ids(connection, one.lesson.no).keys() - one.names if one.folder is not None else ()
        news = News(space, tuple([row.no for row in chain]), False, at, one.children, list(vanished), folder=one.folder)
        found.append(Learned(chain, apply(connection, news)))
        if one.folder is not None:
            prints.put(connection, [Print(one.lesson.no, one.fingerprint, "")])
    return found
