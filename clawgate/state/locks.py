"""Locks as the state keeps them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, insert, select, update

from ..model.lock import Lock
from ..model.path import Path
from .engine import Connection, Database
from .prepared import Prepared, Row
from .schema import lock

_FIELDS = tuple(column.name for column in lock.columns)
_insert = Prepared(insert(lock), *_FIELDS)
_extend = Prepared(
    update(lock)
    .where(lock.c.token == bindparam("row"))
    .values({lock.c.timeout: bindparam("granted"), lock.c.expires: bindparam("until")}),
    "granted",
    "until",
    "row",
)
_move = Prepared(update(lock).where(lock.c.token == bindparam("row")).values(path=bindparam("place")), "place", "row")
_delete = Prepared(delete(lock).where(lock.c.token == bindparam("row")), "row")
_expire = Prepared(delete(lock).where(lock.c.expires <= bindparam("now")), "now")
_all = Prepared(select(lock))


class StoredLocks:
    """The table of locks; the rules are elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Lock]:
        """Every lock, expired ones too."""
        return [_lock(row) for row in await self._database.read(_all.all)]

    async def add(self, new: Lock) -> None:
        """Keep a lock whose token is new."""
        row = (
            new.token,
            new.space,
            new.path,
            int(new.deep),
            int(new.exclusive),
            new.owner_xml,
            new.user,
            new.timeout,
            new.created,
            new.expires,
        )
        await self._database.write(lambda connection: _insert.run(connection, *row))

    async def extend(self, token: str, granted: int, expires: float) -> bool:
        """Set the granted seconds and the end of a lock's life; False: it is not there."""
        return bool(await self._database.write(lambda connection: _extend.run(connection, granted, expires, token)))

    async def move(self, places: Iterable[tuple[str, Path]]) -> None:
        """These tokens' locks are on other paths now; unknown tokens are no error."""
        rows = [(path, token) for token, path in places]
        await self._database.write(lambda connection: _move.many(connection, rows))

    async def remove(self, tokens: Iterable[str]) -> None:
        """Forget these locks; unknown tokens are no error."""
        rows = [(token,) for token in tokens]
        await self._database.write(lambda connection: _delete.many(connection, rows))

    async def expire(self, now: float) -> int:
        """Forget those whose time was up at `now`; returns how many."""

        def work(connection: Connection) -> int:
            return _expire.run(connection, now)

        return await self._database.write(work)


def _lock(row: Row) -> Lock:
    token, space, path, deep, exclusive, owner_xml, user, timeout, created, expires = row
    return Lock(token, space, Path(path), bool(deep), bool(exclusive), owner_xml, user, timeout, created, expires)
