"""App passwords as the state keeps them, and the people whom only their logins describe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.sql.base import Executable

from ..errors import Forbidden, NotFound
from ..model.app_password import AppPassword, Snapshot
from ..model.people import Scope, User
from .engine import Connection, Database
from .people import read, written
from .prepared import Prepared, Row, upsert
from .schema import app_password, app_password_change, foreign_user

_a, _f, _c = app_password.c, foreign_user.c, app_password_change.c
_SHOWN = tuple(column for column in app_password.columns if column is not _a.digest)
_insert = Prepared(insert(app_password), *(column.name for column in app_password.columns))
_all = Prepared(select(*_SHOWN).order_by(_a.user_id, _a.created, _a.id))
_of = Prepared(select(*_SHOWN).where(_a.user_id == bindparam("owner")).order_by(_a.created, _a.id), "owner")
_count = Prepared(select(func.count()).select_from(app_password).where(_a.user_id == bindparam("owner")), "owner")
_find = Prepared(
    select(*_SHOWN, _f.person, _f.seen)
    .select_from(app_password.outerjoin(foreign_user, (_a.user_id == _f.user_id) & (_a.foreign_user == 1)))
    .where(_a.digest == bindparam("hash")),
    "hash",
)
_remove = Prepared(
    delete(app_password).where(_a.user_id == bindparam("owner")).where(_a.id == bindparam("row")),
    "owner",
    "row",
)
_over = Prepared(
    delete(app_password).where(_a.user_id == bindparam("owner")).where(_a.expires <= bindparam("now")),
    "owner",
    "now",
)
_expire = Prepared(delete(app_password).where(_a.expires <= bindparam("now")), "now")
_replace = Prepared(update(app_password).where(_a.id == bindparam("row")).values(digest=bindparam("hash")), "hash", "row")
_use = Prepared(update(app_password).where(_a.id == bindparam("row")).values(used=bindparam("at")), "at", "row")

_put_person = Prepared(upsert(foreign_user), "user_id", "person", "seen")
_person = Prepared(select(_f.person, _f.seen).where(_f.user_id == bindparam("owner")), "owner")
_see = Prepared(
    update(foreign_user).where(_f.user_id == bindparam("owner")).values(person=bindparam("text"), seen=bindparam("at")),
    "text",
    "at",
    "owner",
)
_forget_people = Prepared(
    delete(foreign_user).where(_f.user_id.not_in(select(_a.user_id).where(_a.foreign_user == 1))),
)


def _counting(dialect: str) -> Executable:
    insert: Any
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    found: Executable = (
        insert(app_password_change)
        .values(scope="all", number=1)
        .on_conflict_do_update(index_elements=["scope"], set_={"number": _c.number + 1})
    )
    return found


_step = Prepared(_counting)
_number = Prepared(select(_c.number))


class StoredAppPasswords:
    """The tables; what logs in and what does not is decided elsewhere.

    Whatever makes an app password worth less, or its owner another person, moves `changes` in the same transaction.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new: AppPassword, digest: str, owner: User | None, most: int) -> None:
        """Keep a new one under the `digest` of its secret, and, if `owner` is given, what is known of that person.

        Raises `Forbidden` if the person has `most` others that have not expired; those that have are removed.
        """
        scope = new.scope
        limits = (int(scope.read_only), scope.space)
        row = (new.id, new.user, digest, new.name, new.login, *limits, new.created, new.expires, new.used, int(new.foreign))

        def work(connection: Connection) -> None:
            _over.run(connection, new.user, new.created)
            counted = _count.one(connection, new.user)
            if counted is not None and counted[0] >= most:
                raise Forbidden(f"{new.user} has {most} app passwords, and there cannot be more; remove some first")
            _insert.run(connection, *row)
            if owner is not None:
                _put_person.run(connection, new.user, written(owner), new.created)

        await self._database.write(work)

    async def find(self, digest: str) -> tuple[AppPassword, Snapshot | None] | None:
        """The one whose secret has this digest; if it is `foreign`, with what is known of its owner."""
        row = await self._database.read(lambda connection: _find.one(connection, digest))
        if row is None:
            return None
        found = _app_password(row[:-2])
        return found, None if row[-2] is None else Snapshot(read(found.user, row[-2]), row[-1])

    async def of(self, user: str | None) -> list[AppPassword]:
        """Those of one person, or everybody's, the oldest of a person first."""
        rows = await self._database.read(_all.all if user is None else lambda connection: _of.all(connection, user))
        return [_app_password(row) for row in rows]

    async def remove(self, user: str, ids: Iterable[str]) -> int:
        """Forget those of `user`, all or none; returns the number of `changes` then. Raises `NotFound` if one is not there."""
        wanted = list(ids)

        def work(connection: Connection) -> int:
            for id in wanted:
                if not _remove.run(connection, user, id):
                    raise NotFound(f"{user} has no app password {id}")
            _forget_people.run(connection)
            return stepped(connection)

        return await self._database.write(work)

    async def replace(self, id: str, digest: str) -> int:
        """From now on the secret is the one with `digest`; returns the number of `changes` then. Raises `NotFound`."""

        def work(connection: Connection) -> int:
            if not _replace.run(connection, digest, id):
                raise NotFound(f"there is no app password {id}")
            return stepped(connection)

        return await self._database.write(work)

    async def changes(self) -> int:
        """A number that another process cannot change anything without moving."""
        return await self._database.read(_changes)

    async def use(self, uses: Mapping[str, float]) -> None:
        """Note when app passwords, by id, were last used."""
        rows = [(at, id) for id, at in uses.items()]
        await self._database.write(lambda connection: _use.many(connection, rows))

    async def snapshot(self, user: str) -> Snapshot | None:
        """What is kept of a person of whom no directory knows."""
        row = await self._database.read(lambda connection: _person.one(connection, user))
        return None if row is None else Snapshot(read(user, row[0]), row[1])

    async def see(self, user: User, now: float, every: float) -> int | None:
        """Take over what a login says about a person of whom something is kept. Returns the number of `changes` if that is
        something new. If it is not, the time is noted when the one that was noted is `every` seconds old."""
        row = await self._database.read(lambda connection: _person.one(connection, user.id))
        text = written(user)
        if row is None or (row[0] == text and now - row[1] < every):
            return None

        def work(connection: Connection) -> int | None:
            there = _see.run(connection, text, now, user.id)
            return stepped(connection) if there and row[0] != text else None

        return await self._database.write(work)

    async def expire(self, now: float) -> int:
        """Forget those whose time was up at `now`; returns how many."""

        def work(connection: Connection) -> int:
            gone = _expire.run(connection, now)
            if gone:
                _forget_people.run(connection)
            return gone

        return await self._database.write(work)


def _changes(connection: Connection) -> int:
    row = _number.one(connection)
    return int(row[0]) if row is not None else 0


def stepped(connection: Connection) -> int:
    """Count a change that makes some credentials worth less; returns the number of `changes` then."""
    _step.run(connection)
    return _changes(connection)


def _app_password(row: Row) -> AppPassword:
    id, user, name, login, read_only, space, created, expires, used, foreign = row
    return AppPassword(id, user, name, Scope(bool(read_only), space), created, expires, used, bool(foreign), login)
