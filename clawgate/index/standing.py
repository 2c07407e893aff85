"""How fresh the index of each space is, as the running gateway notes it for the next process and for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select

from ..state.engine import Connection
from ..state.prepared import Prepared, upsert
from .schema import freshness, space

_put = Prepared(upsert(freshness), *[column.name for column in freshness.columns])
_get = Prepared(select(freshness.c.entered).where(freshness.c.space == bindparam("which")), "which")
_all = Prepared(
    select(space.c.id, *freshness.c[1:]).join_from(freshness, space, freshness.c.space == space.c.no).order_by(space.c.id)
)


class Standing(NamedTuple):
    """Of one space."""

    space: str
    """Its id."""
    way: str
    """How changes by others are found, see `freshness.Way`."""
    entered: float
    """Unix seconds up to which every change is entered; 0: it was never looked at as a whole."""
    written: float
    """Unix seconds when the gateway noted this."""
    waiting: int
    """Names and folders that wait for a look."""
    idle: int
    """1: nobody has asked for long, so nobody looks."""


def write(connection: Connection, rows: Sequence[tuple[int, str, float, float, int, int]]) -> None:
    """Note rows of the table: the number of a space and the fields of `Standing` behind its id."""
    _put.many(connection, rows)


def entered(connection: Connection, space: int) -> float | None:
    """Unix seconds up to which every change in the space with this number was entered; None: nobody knows."""
    row = _get.one(connection, space)
    return float(row[0]) if row is not None and row[0] else None


def read(connection: Connection) -> list[Standing]:
    """All that was noted, by space."""
    return [Standing(*row) for row in _all.all(connection)]
