"""Login flows as the state keeps them: any process can go on with them, also after a restart."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, func, insert, select, update

from ..errors import TooManyAttempts
from ..model.login_flow import LoginFlow, Visitor
from .engine import Connection, Database
from .prepared import Prepared, Row
from .schema import login_flow as table
from .visitors import text_of, visitor_of

RETRY = 60
"""Seconds after which a program that found no room may ask again."""

_FIELDS = tuple(column.name for column in table.columns)
_waiting = table.c.person == ""
_alive = table.c.expires > bindparam("now")
_insert = Prepared(insert(table), *_FIELDS)
_find = Prepared(select(table).where(table.c.id == bindparam("row"), _waiting, _alive), "row", "now")
_count = Prepared(select(func.count()).select_from(table).where(_alive), "now")
_count_near = Prepared(
    select(func.count()).select_from(table).where(table.c.network == bindparam("place"), _alive), "place", "now"
)
_grant = Prepared(
    update(table)
    .where(table.c.id == bindparam("row"), _waiting, _alive)
    .values({table.c.person: bindparam("who"), table.c.expires: bindparam("until")}),
    "who",
    "until",
    "row",
    "now",
)
_delete = Prepared(delete(table).where(table.c.id == bindparam("row")), "row")
_take = Prepared(delete(table).where(table.c.id == bindparam("row"), ~_waiting, _alive), "row", "now")
_deny = Prepared(delete(table).where(table.c.id == bindparam("row"), _waiting), "row")
_granted = Prepared(select(table).where(table.c.poll == bindparam("key"), ~_waiting, _alive), "key", "now")
_of_people = Prepared(select(table.c.id, table.c.person).where(~_waiting))
_expire = Prepared(delete(table).where(table.c.expires <= bindparam("now")), "now")


class StoredLoginFlows:
    """The table of login flows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, flow: LoginFlow, most: int, most_near: int) -> None:
        """Keep a new flow. Raises `TooManyAttempts` if `most` are alive already, or `most_near` in its network."""

        def work(connection: Connection) -> None:
            for count, limit in (
                (_count_near.one(connection, flow.network, flow.created), most_near),
                (_count.one(connection, flow.created), most),
            ):
                if count is not None and count[0] >= limit:
                    raise TooManyAttempts("too many programs are waiting for a login; try again later", RETRY)
            _insert.run(connection, *_row(flow, ""))

        await self._database.write(work)

    async def find(self, id: str, now: float) -> LoginFlow | None:
        """The flow with this id, if it still waits."""
        row = await self._database.read(lambda connection: _find.one(connection, id, now))
        return None if row is None else _flow(row)

    async def grant(self, id: str, visitor: Visitor, now: float, expires: float) -> bool:
        """Note who has let the program in, and until when it may ask; False: it does not wait any more."""
        text = text_of(visitor)
        return bool(await self._database.write(lambda connection: _grant.run(connection, text, expires, id, now)))

    async def deny(self, id: str) -> bool:
        """Forget a flow that waits; False: it does not."""
        return bool(await self._database.write(lambda connection: _deny.run(connection, id)))

    async def granted(self, poll: str, now: float) -> tuple[LoginFlow, Visitor] | None:
        """The flow that was granted and is not fetched, and by whom."""
        row = await self._database.read(lambda connection: _granted.one(connection, poll, now))
        return None if row is None else (_flow(row), visitor_of(row[6]))

    async def take(self, id: str, now: float) -> bool:
        """Forget a flow that was granted; True for one caller alone, for nobody when its granter was logged out since."""
        return bool(await self._database.write(lambda connection: _take.run(connection, id, now)))

    async def expire(self, now: float) -> int:
        """Forget those whose time was up at `now`; returns how many."""
        return await self._database.write(lambda connection: _expire.run(connection, now))


def drop_granted(connection: Connection, user: str) -> int:
    """Forget the flows that a person has granted and nobody has fetched; returns how many."""
    granted = [row[0] for row in _of_people.all(connection) if visitor_of(row[1]).user.id == user]
    return sum(_delete.run(connection, id) for id in granted)


def _row(flow: LoginFlow, person: str) -> Row:
    return (flow.id, flow.poll, flow.client, flow.network, flow.created, flow.expires, person)


def _flow(row: Row) -> LoginFlow:
    return LoginFlow(*row[:6])
