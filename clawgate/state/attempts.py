"""Failed and successful logins as the state keeps them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, select

from ..model.attempts import Attempts
from .engine import Connection, Database
from .prepared import Prepared, upsert
from .schema import attempts

_FIELDS = tuple(column.name for column in attempts.columns)
_put = Prepared(upsert(attempts), *_FIELDS)
_delete = Prepared(
    delete(attempts).where(attempts.c.user_id == bindparam("who")).where(attempts.c.network == bindparam("place")), "who", "place"
)
_expire = Prepared(delete(attempts).where(attempts.c.expires <= bindparam("now")), "now")
_newest = Prepared(select(attempts).order_by(attempts.c.expires.desc()))


class StoredAttempts:
    """The table of attempts; what follows from them is decided elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, limit: int) -> list[Attempts]:
        """The `limit` rows that expire last, those that expire first in front; others are removed."""
        rows = await self._database.read(_newest.all)
        if len(rows) > limit:
            await self.write((), [(row[0], row[1]) for row in rows[limit:]])
        return [Attempts(*row) for row in reversed(rows[:limit])]

    async def write(self, records: Iterable[Attempts], gone: Iterable[tuple[str, str]]) -> None:
        """Keep `records`, forget what is kept of persons and networks in `gone`; in one transaction."""
        rows = [(one.user, one.network, one.failures, one.last, one.good, one.expires) for one in records]
        keys = list(gone)

        def work(connection: Connection) -> None:
            _put.many(connection, rows)
            _delete.many(connection, keys)

        await self._database.write(work)

    async def expire(self, now: float) -> int:
        """Forget what has expired at `now` (seconds since 1970); returns how many rows."""
        return await self._database.write(lambda connection: _expire.run(connection, now))
