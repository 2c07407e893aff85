"""Which generation of which space was noted last."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

from sqlalchemy import bindparam, select

from ..model.generation import Generation
from .engine import Connection, Database
from .prepared import Prepared, upsert
from .schema import generation

PAGE = 1000
"""Ids that are asked for at once."""

_FIELDS = tuple(column.name for column in generation.columns)
_put = Prepared(upsert(generation), *_FIELDS)
_after = Prepared(
    select(generation.c.space)
    .where(generation.c.space > bindparam("after"))
    .order_by(generation.c.space)
    .limit(bindparam("most")),
    "after",
    "most",
)
_get = Prepared(select(generation).where(generation.c.space == bindparam("which")), "which")


class StoredGenerations:
    """The table of generations; what follows from them is decided elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, space: str) -> Generation | None:
        """What is known of a space; None: nothing yet."""

        def work(connection: Connection) -> Generation | None:
            row = _get.one(connection, space)
            return None if row is None else Generation(*row[1:])

        return await self._database.read(work)

    async def spaces(self) -> AsyncIterator[Sequence[str]]:
        """The ids of all spaces of which something is known, in pages."""
        after = ""
        while found := await self._database.read(partial(_page, after=after)):
            yield found
            after = found[-1]

    async def keep(self, space: str, known: Generation) -> None:
        """From now on `known` is what is known of a space."""
        row = (space, known.number, known.fingerprint, known.explained, known.stamp)
        await self._database.write(lambda connection: _put.run(connection, *row))


def _page(connection: Connection, after: str) -> list[str]:
    return [str(row[0]) for row in _after.all(connection, after, PAGE)]
