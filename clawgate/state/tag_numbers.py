"""The numbers by which people know tags, as the state keeps them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.sql.base import Executable

from ..errors import QuotaExceeded
from .engine import Connection, Database
from .prepared import Prepared
from .schema import tag_number as table

COMING = 2
"""In ``kept``: what another tag is being called, as long as not all that has that one has this one."""

_n = table.c
_mine = _n.user_id == bindparam("person")
_of = Prepared(select(_n.name, _n.number, _n.kept).where(_mine), "person")
_find = Prepared(select(_n.name).where(_mine, _n.number == bindparam("id")), "person", "id")
_by_name = Prepared(select(_n.number, _n.kept).where(_mine, _n.name == bindparam("tag")), "person", "tag")
_count = Prepared(select(func.count()).select_from(table).where(_mine, _n.kept != 0), "person")
_keep = Prepared(update(table).where(_mine, _n.number == bindparam("id"), _n.kept == 0).values({_n.kept: 1}), "person", "id")
_come = Prepared(update(table).where(_mine, _n.name == bindparam("tag")).values({_n.kept: COMING}), "person", "tag")
_call = Prepared(
    update(table).where(_mine, _n.number == bindparam("id")).values({_n.name: bindparam("tag"), _n.kept: 1}),
    "tag",
    "person",
    "id",
)
_remove = Prepared(delete(table).where(_mine, _n.number == bindparam("id")), "person", "id")
_remove_name = Prepared(delete(table).where(_mine, _n.name == bindparam("tag")), "person", "tag")


def _adding(dialect: str) -> Executable:
    insert: Any
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    # The other one of two that find a tag at once has given it a number.
    found: Executable = insert(table).inline().on_conflict_do_nothing(index_elements=["user_id", "name"])
    return found


_add = Prepared(_adding, "user_id", "name", "kept")


class StoredTagNumbers:
    """The table: a person, a name, a number that no other tag of anybody has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, user: str, used: Collection[str], spare: int | None) -> dict[str, int]:
        """The numbers of the tags `used` and of those that are kept, by name; those that have none get one. If more than `spare`
        others have numbers, these are forgotten; None: never."""
        wanted = frozenset(used)

        def look(connection: Connection) -> tuple[dict[str, int], frozenset[str], set[int]]:
            rows = _of.all(connection, user)
            found = {name: number for name, number, kept in rows if kept or name in wanted}
            over = {number for name, number, _ in rows if name not in found}
            return found, wanted - found.keys(), over if spare is not None and len(over) > spare else set()

        found, missing, over = await self._database.read(look)
        if not missing and not over:
            return found

        def work(connection: Connection) -> dict[str, int]:
            _, missing, over = look(connection)
            _remove.many(connection, [(user, number) for number in over])
            _add.many(connection, [(user, name, 0) for name in sorted(missing)])
            return look(connection)[0]

        return await self._database.write(work)

    async def find(self, user: str, number: int) -> str | None:
        """The name of the tag that a person knows by this number."""
        row = await self._database.read(lambda connection: _find.one(connection, user, number))
        return None if row is None else row[0]

    async def make(self, user: str, name: str, most: int) -> int:
        """The number of a tag that is kept from now on. Raises `QuotaExceeded` if the person has `most` others."""

        def work(connection: Connection) -> int:
            row = _by_name.one(connection, user, name)
            if (row is None or not row[1]) and _kept(connection, user) >= most:
                raise QuotaExceeded(f"one person can have {most} tags; delete some first")
            _add.run(connection, user, name, 1)
            found = _by_name.one(connection, user, name)
            assert found is not None
            _keep.run(connection, user, found[0])
            return int(found[0])

        return await self._database.write(work)

    async def keep(self, user: str, number: int, most: int) -> None:
        """Keep this one, unless the person has `most`."""

        def work(connection: Connection) -> None:
            if _kept(connection, user) < most:
                _keep.run(connection, user, number)

        await self._database.write(work)

    async def begin(self, user: str, number: int, new: str) -> None:
        """The tag with this number is going to be called `new`: kept from now on, as that is, whatever happens before `end`."""

        def work(connection: Connection) -> None:
            _keep.run(connection, user, number)
            _add.run(connection, user, new, COMING)
            _come.run(connection, user, new)

        await self._database.write(work)

    async def is_coming(self, user: str, name: str) -> bool:
        """Whether something was going to be called so, and `end` was never reached."""
        row = await self._database.read(lambda connection: _by_name.one(connection, user, name))
        return row is not None and row[1] == COMING

    async def end(self, user: str, number: int, new: str | None) -> None:
        """From now on the number stands for `new`; None: for nothing."""

        def work(connection: Connection) -> None:
            if new is None:
                _remove.run(connection, user, number)
                return
            _remove_name.run(connection, user, new)
            _call.run(connection, new, user, number)

        await self._database.write(work)


def _kept(connection: Connection, user: str) -> int:
    row = _count.one(connection, user)
    return 0 if row is None else int(row[0])
