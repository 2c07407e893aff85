"""Tags as the state keeps them, by space and node id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from sqlalchemy import Text, bindparam, delete, func, insert, select

from ..errors import QuotaExceeded
from .engine import Connection, Database
from .prepared import Prepared, upsert
from .schema import tag

_MANY = 100
"""Nodes asked for in one statement."""
TOGETHER = 500
"""Nodes whose tags are changed in one transaction, while which nobody else writes."""

_t = tag.c
_of_many = Prepared(
    select(_t.node, _t.name).where(_t.space == bindparam("place"), _t.node.in_([bindparam(f"n{i}") for i in range(_MANY)])),
    "place",
    *(f"n{i}" for i in range(_MANY)),
)
_names = Prepared(select(_t.name).where(_t.space == bindparam("place")).distinct(), "place")
_tagged = Prepared(select(_t.node).where(_t.space == bindparam("place"), _t.name == bindparam("tag")), "place", "tag")
_some_tagged = Prepared(
    select(_t.node).where(_t.space == bindparam("place"), _t.name == bindparam("tag")).limit(bindparam("most")),
    "place",
    "tag",
    "most",
)
_tagged_after = Prepared(
    select(_t.node)
    .where(_t.space == bindparam("place"), _t.name == bindparam("tag"), _t.node > bindparam("after"))
    .order_by(_t.node)
    .limit(bindparam("most")),
    "place",
    "tag",
    "after",
    "most",
)
_count = Prepared(
    select(func.count()).select_from(tag).where(_t.space == bindparam("place"), _t.node == bindparam("item")), "place", "item"
)
_put = Prepared(upsert(tag), "space", "node", "name")
_remove = Prepared(
    delete(tag).where(_t.space == bindparam("place"), _t.node == bindparam("item"), _t.name == bindparam("tag")),
    "place",
    "item",
    "tag",
)
_forget = Prepared(delete(tag).where(_t.space == bindparam("place"), _t.node == bindparam("item")), "place", "item")
_copy = Prepared(
    insert(tag).from_select(
        ["space", "node", "name"],
        select(bindparam("to_place", type_=Text), bindparam("to_item", type_=Text), _t.name).where(
            _t.space == bindparam("place"), _t.node == bindparam("item")
        ),
    ),
    "to_place",
    "to_item",
    "place",
    "item",
)
_forget_space = Prepared(delete(tag).where(_t.space == bindparam("place")), "place")
_any = Prepared(select(_t.node).where(_t.space == bindparam("place")).limit(1), "place")
_spaces = Prepared(select(_t.space).distinct())


class StoredTags:
    """The table; what changes it tells whether the space has any tag afterwards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def spaces(self) -> frozenset[str]:
        """Ids of the spaces that have any."""
        return frozenset(row[0] for row in await self._database.read(_spaces.all))

    async def load(self, space: str, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The tags of those of `ids` that have any, sorted."""

        def work(connection: Connection) -> dict[str, tuple[str, ...]]:
            found: dict[str, list[str]] = {}
            for start in range(0, len(ids), _MANY):
                some = ids[start : start + _MANY]
                padding = (some[0],) * (_MANY - len(some))
                for node, name in _of_many.all(connection, space, *some, *padding):
                    found.setdefault(node, []).append(name)
            return {node: tuple(sorted(names)) for node, names in found.items()}

        return await self._database.read(work)

    async def names(self, space: str) -> frozenset[str]:
        """All tags that something in the space has."""
        return frozenset(row[0] for row in await self._database.read(lambda connection: _names.all(connection, space)))

    async def tagged(self, space: str, name: str) -> frozenset[str]:
        """Ids of all nodes in the space with this tag."""
        return frozenset(row[0] for row in await self._database.read(lambda connection: _tagged.all(connection, space, name)))

    async def tagged_after(self, space: str, name: str, after: str, most: int) -> list[str]:
        """The first of these ids above `after`, in an order of their own."""
        rows = await self._database.read(lambda connection: _tagged_after.all(connection, space, name, after, most))
        return [row[0] for row in rows]

    async def matching(self, space: str, matches: Callable[[str], bool]) -> frozenset[str]:
        """Ids of all nodes in the space with a tag that `matches`."""

        def work(connection: Connection) -> frozenset[str]:
            names = [row[0] for row in _names.all(connection, space) if matches(row[0])]
            return frozenset(row[0] for name in names for row in _tagged.all(connection, space, name))

        return await self._database.read(work)

    async def change(self, space: str, id: str, add: Collection[str], remove: Collection[str] | None, most: int) -> bool:
        """Take tags from one node (None: all), then give it others. Raises `QuotaExceeded`, changing nothing, if it then has more
        than `most`."""

        def work(connection: Connection) -> bool:
            if remove is None:
                _forget.run(connection, space, id)
            else:
                _remove.many(connection, [(space, id, name) for name in remove])
            if add:
                _put.many(connection, [(space, id, name) for name in add])
                row = _count.one(connection, space, id)
                if row is not None and row[0] > most:
                    raise QuotaExceeded(f"one file or folder can have {most} tags, these would be {row[0]}")
            return _any.one(connection, space) is not None

        return await self._database.write(work)

    async def copy(self, space: str, source: str, target_space: str, target: str) -> bool:
        """Make the tags of `target` those of `source`; what is told is of `target_space`."""

        def work(connection: Connection) -> bool:
            _forget.run(connection, target_space, target)
            _copy.run(connection, target_space, target, space, source)
            return _any.one(connection, target_space) is not None

        return await self._database.write(work)

    async def rename(self, space: str, name: str, new: str | None) -> tuple[frozenset[str], bool]:
        """Give some of the nodes of a space that have the tag `name`, `TOGETHER` at most, the tag `new` in its place; None:
        nothing. Their ids, none if none has it any more, and what is told. No node is ever seen with neither."""

        def work(connection: Connection) -> tuple[frozenset[str], bool]:
            ids = [row[0] for row in _some_tagged.all(connection, space, name, TOGETHER)]
            if new is not None:
                _put.many(connection, [(space, id, new) for id in ids])
            _remove.many(connection, [(space, id, name) for id in ids])
            return frozenset(ids), _any.one(connection, space) is not None

        return await self._database.write(work)

    async def forget(self, space: str, ids: Iterable[str]) -> bool:
        """Drop the tags of these nodes."""
        rows = [(space, id) for id in ids]

        def work(connection: Connection) -> bool:
            _forget.many(connection, rows)
            return _any.one(connection, space) is not None

        return await self._database.write(work)

    async def forget_space(self, space: str) -> None:
        """Drop all tags of a space."""
        await self._database.write(lambda connection: _forget_space.run(connection, space))
