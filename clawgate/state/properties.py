"""Dead properties and favourites as the state keeps them, by space and node id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Text, bindparam, delete, func, insert, select

from ..errors import QuotaExceeded
from .engine import Connection, Database
from .prepared import Prepared, upsert
from .schema import dead_property, favourite

Name = tuple[str, str]
"""Namespace and local name of an XML element."""

_MANY = 100
"""Nodes asked for in one statement."""

_p, _f = dead_property.c, favourite.c
_of_one = Prepared(
    select(_p.namespace, _p.local, _p.value).where(_p.space == bindparam("place"), _p.node == bindparam("item")), "place", "item"
)
_of_many = Prepared(
    select(_p.node, _p.namespace, _p.local, _p.value).where(
        _p.space == bindparam("place"), _p.node.in_([bindparam(f"n{i}") for i in range(_MANY)])
    ),
    "place",
    *(f"n{i}" for i in range(_MANY)),
)
_set = Prepared(upsert(dead_property), "space", "node", "namespace", "local", "value")
_unset = Prepared(
    delete(dead_property).where(
        _p.space == bindparam("place"),
        _p.node == bindparam("item"),
        _p.namespace == bindparam("ns"),
        _p.local == bindparam("tag"),
    ),
    "place",
    "item",
    "ns",
    "tag",
)
_count = Prepared(
    select(func.count()).select_from(dead_property).where(_p.space == bindparam("place"), _p.node == bindparam("item")),
    "place",
    "item",
)
_copy = Prepared(
    insert(dead_property).from_select(
        ["space", "node", "namespace", "local", "value"],
        select(bindparam("to_place", type_=Text), bindparam("to_item", type_=Text), _p.namespace, _p.local, _p.value).where(
            _p.space == bindparam("place"), _p.node == bindparam("item")
        ),
    ),
    "to_place",
    "to_item",
    "place",
    "item",
)
_forget = Prepared(delete(dead_property).where(_p.space == bindparam("place"), _p.node == bindparam("item")), "place", "item")
_any = Prepared(select(_p.node).where(_p.space == bindparam("place")).limit(1), "place")
_spaces = Prepared(select(_p.space).distinct())

_starred = Prepared(select(_f.node).where(_f.space == bindparam("place"), _f.user_id == bindparam("person")), "place", "person")
_star = Prepared(upsert(favourite), "space", "user_id", "node")
_unstar = Prepared(
    delete(favourite).where(_f.space == bindparam("place"), _f.user_id == bindparam("person"), _f.node == bindparam("item")),
    "place",
    "person",
    "item",
)
_forget_stars = Prepared(delete(favourite).where(_f.space == bindparam("place"), _f.node == bindparam("item")), "place", "item")
_copy_stars = Prepared(
    insert(favourite).from_select(
        ["space", "user_id", "node"],
        select(bindparam("to_place", type_=Text), _f.user_id, bindparam("to_item", type_=Text)).where(
            _f.space == bindparam("place"), _f.node == bindparam("item")
        ),
    ),
    "to_place",
    "to_item",
    "place",
    "item",
)
_forget_all = Prepared(delete(dead_property).where(_p.space == bindparam("place")), "place")
_forget_all_stars = Prepared(delete(favourite).where(_f.space == bindparam("place")), "place")
_any_star = Prepared(select(_f.node).where(_f.space == bindparam("place")).limit(1), "place")
_starred_spaces = Prepared(select(_f.space).distinct())


class Stored(NamedTuple):
    """Whether a space has anything at all in the two tables."""

    properties: bool
    favourites: bool


class StoredProperties:
    """The two tables; what changes them tells what is `Stored` for the space afterwards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spaces(self) -> tuple[frozenset[str], frozenset[str]]:
        """Ids of the spaces that have properties, and of those that have favourites."""

        def work(connection: Connection) -> tuple[frozenset[str], frozenset[str]]:
            return frozenset(row[0] for row in _spaces.all(connection)), frozenset(
                row[0] for row in _starred_spaces.all(connection)
            )

        return await self._database.read(work)

    async def load(self, space: str, ids: Sequence[str]) -> dict[str, dict[Name, str]]:
        """The properties of those of `ids` that have any."""

        def work(connection: Connection) -> dict[str, dict[Name, str]]:
            found: dict[str, dict[Name, str]] = {}
            if len(ids) == 1:
                values = {(namespace, local): value for namespace, local, value in _of_one.all(connection, space, ids[0])}
                return {ids[0]: values} if values else {}
            for start in range(0, len(ids), _MANY):
                some = ids[start : start + _MANY]
                padding = (some[0],) * (_MANY - len(some))
                for node, namespace, local, value in _of_many.all(connection, space, *some, *padding):
                    found.setdefault(node, {})[namespace, local] = value
            return found

        return await self._database.read(work)

    async def patch(self, space: str, id: str, set: Mapping[Name, str], remove: Iterable[Name], limit: int) -> Stored:
        """Remove, then set properties of one node. Raises `QuotaExceeded`, changing nothing, if it then has more than `limit`."""
        gone = [(space, id, *name) for name in remove]
        new = [(space, id, *name, value) for name, value in set.items()]

        def work(connection: Connection) -> Stored:
            _unset.many(connection, gone)
            if new:
                _set.many(connection, new)
                row = _count.one(connection, space, id)
                if row is not None and row[0] > limit:
                    raise QuotaExceeded(f"one file or folder can have {limit} properties of its own, these would be {row[0]}")
            return _stored(connection, space)

        return await self._database.write(work)

    async def copy(self, space: str, source: str, target_space: str, target: str, *, favourites: bool = False) -> Stored:
        """Make the properties of `target`, and everybody's `favourites`, those of `source`; what is told is of `target_space`."""

        def work(connection: Connection) -> Stored:
            _forget.run(connection, target_space, target)
            _copy.run(connection, target_space, target, space, source)
            if favourites:
                _forget_stars.run(connection, target_space, target)
                _copy_stars.run(connection, target_space, target, space, source)
            return _stored(connection, target_space)

        return await self._database.write(work)

    async def forget(self, space: str, ids: Iterable[str]) -> Stored:
        """Drop the properties of these nodes, and everybody's favourites among them."""
        rows = [(space, id) for id in ids]

        def work(connection: Connection) -> Stored:
            _forget.many(connection, rows)
            _forget_stars.many(connection, rows)
            return _stored(connection, space)

        return await self._database.write(work)

    async def forget_space(self, space: str) -> None:
        """Drop everything of a space."""

        def work(connection: Connection) -> None:
            _forget_all.run(connection, space)
            _forget_all_stars.run(connection, space)

        await self._database.write(work)

    async def favourites(self, user: str, space: str) -> frozenset[str]:
        """Ids of all nodes that `user` has marked in the space."""
        return frozenset(row[0] for row in await self._database.read(lambda connection: _starred.all(connection, space, user)))

    async def set_favourite(self, user: str, space: str, id: str, on: bool) -> Stored:
        """Mark a node, or take the mark away."""

        def work(connection: Connection) -> Stored:
            (_star if on else _unstar).run(connection, space, user, id)
            return _stored(connection, space)

        return await self._database.write(work)


def _stored(connection: Connection, space: str) -> Stored:
    return Stored(_any.one(connection, space) is not None, _any_star.one(connection, space) is not None)
