"""What happened in a folder since a number of the journal. Everything here runs in a database thread, inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, update

from ..errors import NotFound
from ..interfaces import Outdated
from ..state.engine import Connection
from ..state.prepared import Prepared
from . import rows
from .row import Row
from .schema import change, meta

FORGOTTEN = "journal_forgotten"
"""Up to here changes may be missing."""
MARK = "journal_mark"
"""See `mark`."""
ARRIVALS = frozenset(("create", "move"))
DEPARTURES = frozenset(("remove", "leave"))

_COLUMNS = (change.c.seq, change.c.node, change.c.parent, change.c.name, change.c.kind)
_in_folder = Prepared(
    select(*_COLUMNS)
    .where(change.c.parent == bindparam("folder"), change.c.seq > bindparam("after"))
    .order_by(change.c.seq)
    .limit(bindparam("limit")),
    "folder",
    "after",
    "limit",
)
_in_space = Prepared(
    select(*_COLUMNS)
    .where(change.c.space == bindparam("place"), change.c.seq > bindparam("after"))
    .order_by(change.c.seq)
    .limit(bindparam("limit")),
    "place",
    "after",
    "limit",
)
_last = Prepared(select(func.max(change.c.seq)))
_at = Prepared(select(change.c.at).where(change.c.seq <= bindparam("seq")).order_by(change.c.seq.desc()).limit(1), "seq")
_set_meta = Prepared(update(meta).where(meta.c.key == bindparam("item")).values(value=bindparam("word")), "word", "item")


class Line(NamedTuple):
    """One line of the journal."""

    seq: int
    node: int
    parent: int
    name: str
    """With a slash at its end if the node is or was a folder."""
    kind: str


class Place(NamedTuple):
    """A place in a folder at which something happened, and how it is there now."""

    first: int
    """The number of the first change there."""
    path: str
    """Below the folder."""
    there: bool
    folder: bool
    """What is or was there is a folder."""
    arrived: bool
    """It is a folder that was not there before: all that is in it is news."""


class Window(NamedTuple):
    """A stretch of the journal."""

    places: Sequence[Place]
    """In the order of `Place.first`; each once."""
    upto: int
    """The number of the last change that is taken into account; 0: there was none."""
    complete: bool
    """Whether nothing is left after it."""


def read_meta(connection: Connection, key: str) -> int:
    """A number that is noted beside the journal; 0: none is."""
    row = rows.meta_of(connection, key)
    return 0 if row is None else int(row)


def _write_meta(connection: Connection, key: str, number: int) -> None:
    if not _set_meta.run(connection, str(number), key):
        rows.new_meta(connection, key, str(number))


def forget(connection: Connection, upto: int) -> None:
    """Note that changes up to this number are not kept."""
    if upto > read_meta(connection, FORGOTTEN):
        _write_meta(connection, FORGOTTEN, upto)


def mark(connection: Connection, before: int) -> int:
    """A number from which on all changes are kept, and will be for a while; moved to the end of the journal when the change
    with this number was made before the Unix second `before`.

    Who knows a folder that has not changed since, knows it as of this number: else the knowledge of quiet folders would become
    too old to be built upon.
    """
    present, newest = read_meta(connection, MARK), last(connection)
    made = _at.one(connection, present)
    if newest > present and (made is None or made[0] < before):
        _write_meta(connection, MARK, newest)
        return newest
    return present


def last(connection: Connection) -> int:
    """The number of the last change that is kept; 0: none is."""
    found = _last.one(connection)
    return int(found[0] or 0) if found is not None else 0


def row(connection: Connection, no: int) -> Row:
    """The folder with this number as it is now. Raises `NotFound`."""
    found = rows.by_no(connection, no)
    if found is None or found.gone:
        raise NotFound("the folder was removed meanwhile")
    return found


def since(connection: Connection, space: int, folder: int, number: int, *, deep: bool, limit: int) -> tuple[Window, int]:
    """`window` after `number`, and the number after which the next one begins. Raises `Outdated`, `NotFound`."""
    found = row(connection, folder)
    newest = max(found.stamp, read_meta(connection, MARK))
    if number > max(newest, last(connection)):
        raise Outdated("the journal does not reach as far as it was read")
    if found.stamp <= number:
        return Window([], 0, True), max(newest, number)
    if number < read_meta(connection, FORGOTTEN):
        raise Outdated("what happened since is not kept any more")
    some = window(connection, space, folder, number, deep=deep, limit=limit)
    return some, max(newest, number) if some.complete else some.upto


def window(connection: Connection, space: int, folder: int, after: int, *, deep: bool, limit: int) -> Window:
    """What happened after the number `after` directly in the folder with this number, or anywhere below it (`deep`); at most
    `limit` lines of the journal are read."""
    found = (_in_space if deep else _in_folder).all(connection, space if deep else folder, after, limit + 1)
    lines = [Line._make(line) for line in found[:limit]]
    complete = len(found) <= limit
    below = _Below(connection, folder)
    latest: dict[tuple[int, str], Line] = {}
    first: dict[tuple[int, str], int] = {}
    left: dict[tuple[int, str], int] = {}
    upto = 0
    for line in lines:
        key = (line.parent, line.name.rstrip("/"))
        if below.path(line.parent) is not None:
            if deep and line.name[-1:] == "/" and line.kind in ARRIVALS and left.get(key, line.node) != line.node:
                # One href stands for two folders, one after the other: who is told of both at once mixes up what is in them.
                complete = False
                break
            first.setdefault(key, line.seq)
            latest[key] = line
            if line.kind in DEPARTURES:
                left[key] = line.node
        upto = line.seq
    places: list[Place] = []
    for key, line in latest.items():
        above = below.path(line.parent)
        now = rows.child(connection, *key) if line.kind not in DEPARTURES else None
        there = now is not None and now.no == line.node
        is_folder = line.name[-1:] == "/"
        # What went and came back is known already, and so is what changed in it meanwhile.
        arrived = there and is_folder and line.kind in ARRIVALS and left.get(key) != line.node
        places.append(Place(first[key], f"{above}/{key[1]}" if above else key[1], there, is_folder, arrived))
    places.sort()
    return Window(places, upto, complete)


class _Below:
    """Where folders are below one, remembered: changes come in crowds."""

    def __init__(self, connection: Connection, folder: int) -> None:
        self._connection = connection
        self._paths: dict[int, str | None] = {folder: "", 0: None, -1: None}

    def path(self, no: int) -> str | None:
        """Where the folder with this number is; None: not below, or gone."""
        way: list[Row] = []
        while no not in self._paths:
            row = rows.by_no(self._connection, no)
            if row is None:
                self._paths[no] = None
                break
            way.append(row)
            no = row.parent
        found = self._paths[no]
        for row in reversed(way):
            found = None if found is None else f"{found}/{row.name}" if found else row.name
            self._paths[row.no] = found
        return found
