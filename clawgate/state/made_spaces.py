"""Project spaces that people make, as the state keeps them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import sqlalchemy
from sqlalchemy import bindparam, delete, func, insert, or_, select
from sqlalchemy.sql.base import Executable

from ..errors import AlreadyExists, NotFound, QuotaExceeded, SettingsError
from ..model.made_space import Known, MadeSpace, Role, Standing, folded
from .engine import Connection, Database, address_of
from .prepared import Prepared, Row, upsert
from .schema import made_space, made_space_change, made_space_member

_s, _m, _c = made_space.c, made_space_member.c, made_space_change.c
_all = Prepared(select(made_space))
_all_members = Prepared(select(made_space_member))
_one = Prepared(select(made_space).where(_s.mount == bindparam("mnt"), _s.key == bindparam("k")), "mnt", "k")
_members = Prepared(select(made_space_member).where(_m.mount == bindparam("mnt"), _m.key == bindparam("k")), "mnt", "k")
_count = Prepared(select(func.count()).select_from(made_space).where(_s.mount == bindparam("mnt")), "mnt")
_taken = Prepared(
    select(_s.key, _s.folded, _s.label).where(
        _s.mount == bindparam("mnt"), or_(_s.folded == bindparam("name"), _s.label == bindparam("lbl"))
    ),
    "mnt",
    "name",
    "lbl",
)
_put = Prepared(upsert(made_space), *(column.name for column in made_space.columns))
_delete = Prepared(delete(made_space).where(_s.mount == bindparam("mnt"), _s.key == bindparam("k")), "mnt", "k")
_put_member = Prepared(insert(made_space_member), "mount", "key", "principal", "role", "expires")
_delete_members = Prepared(delete(made_space_member).where(_m.mount == bindparam("mnt"), _m.key == bindparam("k")), "mnt", "k")


def _counting(dialect: str) -> Executable:
    insert: Any
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    found: Executable = (
        insert(made_space_change)
        .values(scope="all", number=1)
        .on_conflict_do_update(index_elements=["scope"], set_={"number": _c.number + 1})
    )
    return found


_step = Prepared(_counting)
_number = Prepared(select(_c.number))


def peek(url: str) -> Known:
    """All of them in a database that need not be there, and that is not changed; blocks. Raises `SettingsError`."""
    address = address_of(url)
    if address.get_backend_name() == "sqlite" and not os.path.exists(address.database or ""):
        return Known()
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
    try:
        with engine.connect() as connection:
            if not sqlalchemy.inspect(connection).has_table(made_space_member.name):
                # Of an older version.
                return Known()
            columns = {column["name"] for column in sqlalchemy.inspect(connection).get_columns(made_space_member.name)}
            members = connection.execute(select(*(column for column in _m if column.name in columns)))
            rows = [tuple(row) for row in connection.execute(select(made_space))]
            return Known(0, _all_made(rows, [tuple(row) for row in members]))
    except sqlalchemy.exc.DBAPIError as error:
        raise SettingsError(f"the state cannot be read: {error.orig}") from error
    finally:
        engine.dispose()


class StoredSpaces:
    """The tables. Whatever changes them moves `number` in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def number(self) -> int:
        """A number that nobody can change anything without moving."""
        return await self._database.read(_changes)

    async def load(self) -> Known:
        """All of them."""

        def work(connection: Connection) -> Known:
            return Known(_changes(connection), _all_made(_all.all(connection), _all_members.all(connection)))

        return await self._database.read(work)

    async def add(self, new: MadeSpace, most: int) -> bool:
        """Keep a new one. False: its label is taken. Raises `AlreadyExists` if its name is, `QuotaExceeded` if the mount has
        `most` of them."""

        def work(connection: Connection) -> bool:
            counted = _count.one(connection, new.mount)
            if counted is not None and counted[0] >= most:
                raise QuotaExceeded(f"there are {most} spaces, and there cannot be more")
            _check_name(connection, new)
            if any(label == new.label for _, _, label in _taken.all(connection, new.mount, "", new.label)):
                return False
            _write(connection, new)
            return True

        return await self._database.write(work)

    async def change(self, mount: str, key: str, change: Callable[[MadeSpace], MadeSpace]) -> MadeSpace:
        """Replace one by what `change` makes of it, in one transaction; returns that. Raises `NotFound`, `AlreadyExists` for a
        name that is taken, and what `change` raises."""

        def work(connection: Connection) -> MadeSpace:
            row = _one.one(connection, mount, key)
            if row is None:
                raise NotFound("there is no such space")
            old = _made(row, _members.all(connection, mount, key))
            new = change(old)
            if new != old:
                _check_name(connection, new)
                _write(connection, new)
            return new

        return await self._database.write(work)

    async def remove(self, mount: str, key: str) -> None:
        """Forget one."""

        def work(connection: Connection) -> None:
            _delete_members.run(connection, mount, key)
            _delete.run(connection, mount, key)
            _step.run(connection)

        await self._database.write(work)


def _check_name(connection: Connection, new: MadeSpace) -> None:
    name = _folded(new)
    if any(key != new.key and taken == name for key, taken, _ in _taken.all(connection, new.mount, name, "")):
        raise AlreadyExists(f"there is a space called {new.name!r} already")


def _write(connection: Connection, new: MadeSpace) -> None:
    values = attrs.asdict(new, recurse=False) | {"folded": _folded(new), "standing": new.standing.value}
    _put.run(connection, *(values[column.name] for column in made_space.columns))
    _delete_members.run(connection, new.mount, new.key)
    members = [(new.mount, new.key, one, role.value, new.until.get(one)) for one, role in new.members.items()]
    _put_member.many(connection, members)
    _step.run(connection)


def _folded(one: MadeSpace) -> str:
    # The name of one that goes is free at once; none has a control character.
    return f"\x01{one.key}" if one.standing.goes else folded(one.name)


def _all_made(rows: Iterable[Row], members: Iterable[Row]) -> list[MadeSpace]:
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for member in members:
        found[member[0], member[1]].append(member)
    return [_made(row, found.get((row[0], row[1]), ())) for row in rows]


def _made(row: Row, rows: Iterable[Row]) -> MadeSpace:
    mount, key, _, label, name, description, quota, standing, created, image, readme = row
    members, until = {}, {}
    # Older states know of no end.
    for _, _, principal, role, *ends in rows:
        members[principal] = Role(role)
        if ends and ends[0] is not None:
            until[principal] = ends[0]
    state = Standing(standing)
    return MadeSpace(mount, key, label, name, description, quota, state, created, image, readme, members, until)


def _changes(connection: Connection) -> int:
    row = _number.one(connection)
    return int(row[0]) if row is not None else 0
