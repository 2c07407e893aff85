"""What happened in a space since a number of the journal, for those who wait for changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from ..errors import NotFound
from ..model.notice import Happening, Notice
from ..model.path import ROOT
from ..state.engine import Connection
from ..state.prepared import Prepared
from . import rows
from .index import Index
from .schema import change
from .space import SpaceIndex

_since = Prepared(
    select(change.c.seq, change.c.node, change.c.parent, change.c.name, change.c.kind, change.c.id)
    .where(change.c.space == bindparam("place"), change.c.seq > bindparam("after"))
    .order_by(change.c.seq)
    .limit(bindparam("limit")),
    "place",
    "after",
    "limit",
)
_newest = Prepared(select(func.max(change.c.seq)).where(change.c.space == bindparam("place")), "place")
_HAPPENINGS = {"create": Happening.CREATED, "update": Happening.CHANGED, "move": Happening.MOVED, "remove": Happening.REMOVED}
"""A ``leave`` is the other half of a move; whoever had the node knows it by its id."""


class News(NamedTuple):
    """Changes, each node once, as it is now."""

    notices: Sequence[Notice]
    upto: int
    """The number of the last change looked at."""
    complete: bool
    """Whether nothing is left after it."""


class Newsroom:
    """The journals of all spaces."""

    def __init__(self, index: Index) -> None:
        self._index = index

    async def newest(self, space: str) -> int:
        """The number of the last change in a space; 0: there was none."""
        return await newest(await self._index.space(space))

    async def since(self, space: str, after: int, limit: int) -> News:
        """As `since`."""
        return await since(await self._index.space(space), after, limit)

    async def root(self, space: str) -> Notice:
        """That something changed in a space. Raises `NotFound` if nobody has ever looked at it."""
        index = await self._index.space(space)
        chain, _ = await index.chain(ROOT)
        if not chain:
            raise NotFound("nothing is known of this space")
        root = index.node(chain[0])
        return Notice(Happening.CHANGED, space, root.id, root.id, root.etag, True)


async def newest(index: SpaceIndex) -> int:
    """The number of the last change in a space; 0: there was none."""

    def read(connection: Connection) -> int:
        found = _newest.one(connection, index.no)
        return int(found[0] or 0) if found is not None else 0

    return await index.database.read(read)


async def since(index: SpaceIndex, after: int, limit: int) -> News:
    """What happened after the number `after`; at most `limit` changes are looked at."""

    def read(connection: Connection) -> News:
        found = _since.all(connection, index.no, after, limit + 1)
        lines, complete = found[:limit], len(found) <= limit
        latest: dict[int, tuple[Happening, int, bool, str]] = {}
        numbers: dict[int, list[int]] = {}
        left: dict[int, int] = {}
        for number, node, parent, name, kind, id in lines:
            numbers.setdefault(node, []).append(number)
            if kind == "leave":
                left[node] = parent
                continue
            happening = _HAPPENINGS[kind]
            if happening is Happening.MOVED and left.pop(node, 0) == parent:
                happening = Happening.RENAMED
            before = latest.pop(node, None)
            if happening is Happening.CHANGED and before is not None and before[0] is not Happening.REMOVED:
                # A new or moved file that was written again is still news as such.
                happening = before[0]
            latest[node] = (happening, parent, name[-1:] == "/", id)
        notices = [_notice(connection, index, node, *what) for node, what in latest.items()]
        told = [one._replace(numbers=tuple(numbers[no])) for no, one in zip(latest, notices, strict=True) if one is not None]
        return News(told, lines[-1][0] if lines else after, complete)

    return await index.database.read(read)


def _notice(
    connection: Connection, index: SpaceIndex, no: int, happening: Happening, parent: int, folder: bool, id: str
) -> Notice | None:
    row, above = rows.by_no(connection, no), rows.by_no(connection, parent)
    gone = row is None or row.gone
    if above is None or (gone and not id):
        # The folder was swept meanwhile, or this is a removal of which another line tells.
        return None
    where = index.node(above).id
    if row is None or gone:
        return Notice(Happening.REMOVED, index.id, index.full(id), where, "", folder)
    node = index.node(row)
    return Notice(happening, index.id, node.id, where, node.etag, node.is_folder)
