"""Logins with browsers as the state keeps them."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, update

from ..model.login_flow import PAGE, Visitor
from .app_passwords import stepped
from .engine import Connection, Database
from .login_flows import drop_granted
from .prepared import Prepared, upsert
from .schema import login_session as table
from .schema import signing_key
from .visitors import text_of, visitor_of

_FIELDS = tuple(column.name for column in table.columns)
_mine = table.c.browser == bindparam("who")
_put = Prepared(upsert(table), *_FIELDS)
_find = Prepared(
    select(table.c.person, table.c.expires).where(
        _mine, table.c.purpose == bindparam("what"), table.c.expires > bindparam("now")
    ),
    "who",
    "what",
    "now",
)
_of_owner = select(table.c.browser, table.c.purpose).where(table.c.user_id == bindparam("owner"))
# Logins that last are the newest by far: they must not push out others.
_newest = Prepared(_of_owner.where(table.c.purpose != PAGE).order_by(table.c.expires.desc()), "owner")
_newest_lasting = Prepared(_of_owner.where(table.c.purpose == PAGE).order_by(table.c.expires.desc()), "owner")
_delete = Prepared(delete(table).where(_mine, table.c.purpose == bindparam("what")), "who", "what")
_move = Prepared(
    update(table).where(_mine, table.c.user_id == bindparam("owner")).values({table.c.browser: bindparam("new")}),
    "new",
    "who",
    "owner",
)
_drop = Prepared(delete(table).where(_mine), "who")
_drop_all = Prepared(delete(table).where(table.c.user_id == bindparam("owner")), "owner")
_drop_key = Prepared(delete(signing_key).where(signing_key.c.user_id == bindparam("owner")), "owner")
_lasting = select(table.c.user_id, table.c.expires).where(table.c.purpose == PAGE, table.c.expires > bindparam("now"))
_all_lasting = Prepared(_lasting.order_by(table.c.user_id, table.c.expires), "now")
_lasting_of = Prepared(_lasting.where(table.c.user_id == bindparam("owner")).order_by(table.c.expires), "now", "owner")
_expire = Prepared(delete(table).where(table.c.expires <= bindparam("now")), "now")


class StoredLoginSessions:
    """The table of logins with browsers, by the hash of what the browser keeps and by what the login is for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, old: str, browser: str, purpose: str, visitor: Visitor, expires: float, most: int) -> None:
        """Note a login. Others of the same person with this browser, which was called `old`, go on, others end.
        Of one person's only the newest `most` stay; those that last do not count."""
        text = text_of(visitor)

        def work(connection: Connection) -> None:
            _move.run(connection, browser, old, visitor.user.id)
            _drop.run(connection, old)
            _put.run(connection, browser, purpose, visitor.user.id, text, expires)
            for row in _newest.all(connection, visitor.user.id)[most:]:
                _delete.run(connection, *row)

        await self._database.write(work)

    async def add(self, browser: str, visitor: Visitor, expires: float, most: int) -> None:
        """Note a login that lasts. Of one person's only the newest `most` stay."""
        text = text_of(visitor)

        def work(connection: Connection) -> None:
            _put.run(connection, browser, PAGE, visitor.user.id, text, expires)
            for row in _newest_lasting.all(connection, visitor.user.id)[most:]:
                _delete.run(connection, *row)

        await self._database.write(work)

    async def find(self, browser: str, purpose: str, now: float) -> Visitor | None:
        """Who has logged in there for this."""
        row = await self._database.read(lambda connection: _find.one(connection, browser, purpose, now))
        return None if row is None else visitor_of(row[0])

    async def find_lasting(self, browser: str, now: float) -> tuple[Visitor, float] | None:
        """Whose login there lasts, and until when."""
        row = await self._database.read(lambda connection: _find.one(connection, browser, PAGE, now))
        return None if row is None else (visitor_of(row[0]), row[1])

    async def end(self, browser: str, purpose: str) -> None:
        """Forget a login."""
        await self._database.write(lambda connection: _delete.run(connection, browser, purpose))

    async def end_all(self, user: str) -> tuple[int, int]:
        """Forget all logins of a person, the flows that were granted there and not fetched, and the key by which addresses were
        signed; returns how many logins, and the number of changes of `StoredAppPasswords` then, by which other processes learn of
        it."""

        def work(connection: Connection) -> tuple[int, int]:
            _drop_key.run(connection, user)
            drop_granted(connection, user)
            return _drop_all.run(connection, user), stepped(connection)

        return await self._database.write(work)

    async def lasting(self, user: str | None, now: float) -> list[tuple[str, float]]:
        """Whose logins last, of one person or of all, and until when."""
        if user is None:
            rows = await self._database.read(lambda connection: _all_lasting.all(connection, now))
        else:
            rows = await self._database.read(lambda connection: _lasting_of.all(connection, now, user))
        return [(row[0], row[1]) for row in rows]

    async def expire(self, now: float) -> int:
        """Forget those whose time was up at `now`; returns how many."""
        return await self._database.write(lambda connection: _expire.run(connection, now))
