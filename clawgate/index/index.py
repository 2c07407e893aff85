"""The index of a whole gateway: its database and the indexes of the spaces."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from ..state.engine import Connection, Database
from . import journal, rows, sweeping
from .space import SpaceIndex

DAY = 86400.0
PAGE = 1000
"""Ids of spaces that are asked for at once."""


class Index:
    """Opens the index of a space when it is first needed."""

    def __init__(
        self,
        database: Database,
        nodes: int,
        journal_days: float,
        now: Callable[[], float] = time.time,
        *,
        gone_seconds: float = 3600.0,
    ) -> None:
        """`nodes` bounds the entries that each space keeps in memory; changes stay in the journal for `journal_days`; what
        vanished keeps its id if it turns up at another place within `gone_seconds`."""
        self.database = database
        self._nodes = nodes
        self._journal_seconds = journal_days * DAY
        self._gone_seconds = gone_seconds
        self._now = now
        self._spaces: dict[str, SpaceIndex] = {}
        self.mark = 0
        """See `journal.mark`."""

    async def space(self, id: str) -> SpaceIndex:
        """The index of one space; always the same object."""
        found = self._spaces.get(id)
        if found is None:
            fresh = secrets.token_hex(3)

            def open_(connection: Connection) -> tuple[str, int, int]:
                return rows.epoch(connection, fresh), rows.space_no(connection, id), journal.read_meta(connection, journal.MARK)

            epoch, no, mark = await self.database.write(open_)
            self.mark = max(self.mark, mark)
            found = self._spaces.setdefault(
                id, SpaceIndex(self.database, id, no, epoch, self._nodes, self._now, lambda: self.mark)
            )
        return found

    async def knows(self, id: str) -> bool:
        """Whether the space was seen before."""

        def find(connection: Connection) -> bool:
            no = rows.space_no_of(connection, id)
            return no is not None and rows.root(connection, no) is not None

        return await self.database.read(find)

    async def spaces(self) -> AsyncIterator[Sequence[str]]:
        """The ids of all spaces that were ever opened, in pages."""
        after = 0
        while found := await self.database.read(partial(rows.spaces_after, after=after, most=PAGE)):
            yield [id for _, id in found]
            after = found[-1][0]

    async def unknown(self, ids: Sequence[str]) -> list[str]:
        """Those of `ids` that were never opened, or were forgotten."""
        return await self.database.read(lambda connection: [id for id in ids if rows.space_no_of(connection, id) is None])

    async def forget(self, id: str) -> None:
        """Forget a space that is no more; its rows go with `tidy`, a little at a time."""
        self._spaces.pop(id, None)
        await self.database.write(lambda connection: sweeping.forget_space(connection, id))

    async def unlearned(self) -> set[str]:
        """The ids of those open spaces that have folders nobody has listed yet."""
        opened = list(self._spaces.values())

        def find(connection: Connection) -> set[str]:
            return {space.id for space in opened if rows.unlearned(connection, space.no, 0, 1)}

        return await self.database.read(find)

    async def tidy(self) -> None:
        """Sweep rows of what is gone and forget old changes, a little at a time."""
        gone = int(self._now() - self._gone_seconds)
        while numbers := await self.database.read(lambda connection: sweeping.gone(connection, gone)):
            while numbers:
                done = await self.database.write(partial(sweeping.sweep, numbers=numbers))
                numbers = numbers[done:]
        before = int(self._now() - self._journal_seconds)
        while await self.database.write(lambda connection: sweeping.forget_changes(connection, before)):
            pass
        old = int(self._now() - self._journal_seconds / 2)
        self.mark = await self.database.write(lambda connection: journal.mark(connection, old))

    def nodes_in_memory(self) -> int:
        """Entries that all spaces together keep."""
        return sum(len(space.cache) for space in self._spaces.values())
