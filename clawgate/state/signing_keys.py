"""Signing keys as the state keeps them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import bindparam, delete, select

from ..model.login_flow import Visitor
from ..model.signing import SigningKey
from .engine import Connection, Database
from .prepared import Prepared, upsert
from .schema import signing_key as table
from .visitors import text_of, visitor_of

_FIELDS = tuple(column.name for column in table.columns)
_put = Prepared(upsert(table), *_FIELDS)
_find = Prepared(
    select(table.c.key, table.c.former, table.c.made, table.c.person, table.c.seen).where(table.c.user_id == bindparam("who")),
    "who",
)
_expire = Prepared(delete(table).where(table.c.seen < bindparam("before")), "before")


class StoredSigningKeys:
    """The table, one row a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user: str) -> SigningKey | None:
        """The key of a person; None: there is none."""
        return await self._database.read(lambda connection: _load(connection, user))

    async def change(self, user: str, change: Callable[[SigningKey | None], SigningKey]) -> SigningKey:
        """Replace what is kept of a person by what `change` makes of it, in one transaction; returns that."""

        def work(connection: Connection) -> SigningKey:
            new = change(_load(connection, user))
            person = text_of(Visitor(new.user, new.foreign))
            _put.run(connection, user, new.key, new.former, new.made, person, new.seen)
            return new

        return await self._database.write(work)

    async def expire(self, before: float) -> int:
        """Forget the keys that nobody has asked for since `before`, seconds since 1970; returns how many."""
        return await self._database.write(lambda connection: _expire.run(connection, before))


def _load(connection: Connection, user: str) -> SigningKey | None:
    row = _find.one(connection, user)
    if row is None:
        return None
    visitor = visitor_of(row[3])
    return SigningKey(row[0], row[1], row[2], visitor.user, row[4], visitor.foreign)
