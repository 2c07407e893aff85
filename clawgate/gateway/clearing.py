"""Clearing up the trash and the versions of one space after the other, in one round."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from ..errors import NotFound
from ..interfaces import Room, Storage, Trashed
from ..log import make_logger
from ..model.space import Space
from .keeping import DAY, STEPS, Limits, aged, by_age, missing, oldest

log = make_logger()

_UNKNOWN = Room(None, None)


class Clearing:
    """What was found and done in one round."""

    def __init__(self, limits: Mapping[str, Limits], now: float) -> None:
        """`limits` by the name of the mount; `now` is in seconds since 1970."""
        self._limits = limits
        self._now = now
        self._given: Counter[str] = Counter()
        """Bytes given up on each mount. They may not be free yet, where the file system takes its time: to count some twice
        only leaves the rest to the next round."""
        self.freed = 0
        """Bytes given up, as far as known."""
        self.short: set[str] = set()
        """Mounts on which a space still had too little room."""

    async def aged(self, space: Space, storage: Storage) -> None:
        """Remove what is too old, and what is more than the quota of the space allows."""
        trash, versions, limits = storage.abilities.trash, storage.abilities.versions, self._limits.get(space.mount)
        if limits is None or (trash is None and versions is None):
            return
        old: list[Trashed] = []
        left: list[Sequence[Trashed]] = []
        kept = 0
        async for run in _runs(storage):
            gone = aged(run, limits, self._now)
            old += gone
            if limits.quota_percent and space.quota:
                left.append(run[len(gone) :])
                kept += sum([entry.node.size for entry in left[-1]])
        freed = await _purge(storage, old)
        if versions is not None and limits.versions_days:
            freed += await versions.expire(self._now - limits.versions_days * DAY)
        if limits.quota_percent and space.quota:
            kept += await versions.used() if versions is not None else 0
            if short := missing(limits, _UNKNOWN, space.quota, kept):
                freed += await self._give_up(space, storage, left, short, STEPS)
        self._note(space, freed)
        await self.look(space, storage)

    async def look(self, space: Space, storage: Storage) -> None:
        """See whether there is room enough."""
        limits = self._limits.get(space.mount)
        if limits is not None and await self._missing(space, storage, limits):
            self.short.add(space.mount)

    async def make_room(self, space: Space, storage: Storage, age: float) -> None:
        """Remove what is older than `age` seconds, the oldest first, as long as too little is free."""
        limits = self._limits.get(space.mount)
        if limits is None or not (short := await self._missing(space, storage, limits)):
            return
        left = [[entry for entry in run if entry.removed <= self._now - age] async for run in _runs(storage)]
        freed = await self._give_up(space, storage, left, short, (age,))
        self._note(space, freed)
        if freed < short:
            self.short.add(space.mount)

    async def _missing(self, space: Space, storage: Storage, limits: Limits) -> int:
        quota = storage.abilities.quota
        room = await quota.room() if quota is not None and limits.free_percent else _UNKNOWN
        if room.used is not None and room.available is not None:
            given = self._given[space.mount]
            room = Room(room.used - given, room.available + given)
        return missing(limits, room, None, 0)

    def _note(self, space: Space, freed: int) -> None:
        self._given[space.mount] += freed
        self.freed += freed

    async def _give_up(
        self, space: Space, storage: Storage, left: Sequence[Sequence[Trashed]], short: int, ages: Sequence[float]
    ) -> int:
        freed = await _purge(storage, oldest(left, short))
        versions = storage.abilities.versions
        for age in ages if versions is not None else ():
            if freed >= short:
                break
            assert versions is not None
            freed += await versions.expire(self._now - age)
        if freed:
            log.info("{space}: {bytes} bytes of trash and versions made room", space=space.id, bytes=freed)
        return freed


async def _runs(storage: Storage) -> AsyncIterator[list[Trashed]]:
    """What is in the trash, page by page, each the oldest first."""
    trash = storage.abilities.trash
    if trash is not None:
        async for page in trash.list():
            yield by_age(page)


async def _purge(storage: Storage, entries: Iterable[Trashed]) -> int:
    trash, freed = storage.abilities.trash, 0
    for entry in entries:
        assert trash is not None
        try:
            await trash.purge(entry.key)
        except NotFound:
            # Somebody has brought it back, or removed it.
            continue
        freed += entry.node.size
        # One at a time: what waits for its deletion holds a descriptor, and whoever looks next must see the room that this makes,
        # or more would go than has to.
        await trash.emptied()
    return freed
