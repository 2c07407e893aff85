"""Which generation of which space was noted last."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from ..model.generation import Generation
from .engine import Connection, Database
from .prepared import Prepared, upsert
from .schema import generation

_FIELDS = tuple(column.name for column in generation.columns)
_put = Prepared(upsert(generation), *_FIELDS)
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

    async def keep(self, space: str, known: Generation) -> None:
        """From now on `known` is what is known of a space."""
        row = (space, known.number, known.fingerprint, known.explained, known.stamp)
        await self._database.write(lambda connection: _put.run(connection, *row))
