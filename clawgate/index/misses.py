"""Listings that came too late: the folder was in a listing a moment ago, and a folder above it has another path by now.

A client that walks through a tree leaves out what it cannot list, takes the rest of the folder above for all that is there, and
asks again when the etag of that folder moves (owncloudcmd 2.11: "Server error in directory", HTTP 404, instruction IGNORE). But a
rename moves no etag below what was renamed. So whoever was told that nothing is there makes that etag move.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from ..model.path import Path, ancestors
from ..state.engine import Connection
from . import rows
from .row import Row

KEPT = 10000
"""Places that are remembered at which something was, and misses that have been told of; the oldest are forgotten first."""


class Missed(NamedTuple):
    """The folder that held what is missed."""

    no: int
    """The number of a folder that has left its place."""
    names: list[str]
    """The way from there to the one that held it."""


class Misses:
    """Of one space."""

    def __init__(self) -> None:
        self._departed: OrderedDict[Path, tuple[int, int]] = OrderedDict()
        """Numbers of what was there, and which departure it was."""
        self._told: OrderedDict[tuple[int, Path], None] = OrderedDict()
        self._departures = 0

    def departed(self, path: Path, no: int) -> None:
        """What has the number `no` is not at `path` any more."""
        self._departures += 1
        self._departed[path] = no, self._departures
        self._departed.move_to_end(path)
        if len(self._departed) > KEPT:
            self._departed.popitem(last=False)

    def of(self, path: Path) -> Missed | None:
        """What held the folder that somebody has looked for at `path`; None: it has not moved, or that was asked before."""
        for above in ancestors(path):
            found = self._departed.get(above)
            if found is None:
                continue
            no, departure = found
            if (departure, path) in self._told:
                return None
            self._told[departure, path] = None
            if len(self._told) > KEPT:
                self._told.popitem(last=False)
            return Missed(no, path.removeprefix(f"{above}/").split("/")[:-1])
        return None


def touch(connection: Connection, space: int, missed: Missed, at: int) -> tuple[list[Row], int]:
    """Let the etag move of what held it, at Unix seconds `at`: the rows of that folder and all above it, and their new stamp; no
    rows if it is gone. Runs in a database thread."""
    first = rows.by_no(connection, missed.no)
    way = [] if first is None else [first, *rows.walk(connection, missed.no, missed.names)]
    if len(way) <= len(missed.names):
        return [], 0
    row = way[-1]
    chain = rows.lineage(connection, row.no)
    stamp = rows.log(connection, space, row.no, row.parent, "update", at, f"{row.name}/")
    rows.raise_chain(connection, [above.no for above in chain], stamp, 0)
    return chain, stamp
