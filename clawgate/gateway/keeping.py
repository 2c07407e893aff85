"""How long what was removed or overwritten is kept: rules as pure functions, and the round that carries them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from ..errors import ClawgateError, NotFound
from ..interfaces import Room, Storage, Trashed
from ..log import make_logger
from ..model.space import Space
from .storages import Storages

log = make_logger()

DAY = 86400.0
STEPS = (30 * DAY, 7 * DAY, DAY, DAY / 24, 0.0)
"""Ages of versions, in seconds, that go one after the other when room is needed and the trash is empty already."""


@attrs.frozen
class Limits:
    """What a mount allows; 0: no limit."""

    trash_days: float
    versions_days: float
    free_percent: float
    quota_percent: float


def aged(entries: Iterable[Trashed], limits: Limits, now: float) -> list[Trashed]:
    """What is older than it may be."""
    if not limits.trash_days:
        return []
    return [entry for entry in entries if entry.removed < now - limits.trash_days * DAY]


def missing(limits: Limits, room: Room, quota: int | None, kept: int) -> int:
    """Bytes that have to go: so that enough is free on the storage, and that what is kept does not outgrow its part of the
    `quota`."""
    short = 0
    if limits.free_percent and room.used is not None and room.available is not None:
        wanted = (room.used + room.available) * limits.free_percent / 100
        short = int(wanted - room.available)
    if limits.quota_percent and quota:
        short = max(short, int(kept - quota * limits.quota_percent / 100))
    return max(0, short)


def oldest(entries: Sequence[Trashed], short: int) -> list[Trashed]:
    """So many of the oldest that `short` bytes become free, if there are so many."""
    chosen: list[Trashed] = []
    for entry in sorted(entries, key=lambda entry: entry.removed):
        if short <= 0:
            break
        chosen.append(entry)
        short -= entry.node.size
    return chosen


class Keeper:
    """Removes for good what was kept long enough, in all spaces that are open."""

    def __init__(self, storages: Storages, limits: Mapping[str, Limits], now: Callable[[], float] = time.time) -> None:
        """`limits` by the name of the mount."""
        self._storages = storages
        self._limits = limits
        self._now = now

    async def run(self) -> int:
        """One round; returns how many bytes were given up, as far as known. A storage that fails does not keep the others from
        their turn."""
        freed = 0
        for space, storage in self._storages.everyone():
            try:
                freed += await self._look_after(space, storage)
            except ClawgateError as error:
                log.warn("clearing up the trash of {space} failed: {error}", space=space.id, error=error)
        return freed

    async def _look_after(self, space: Space, storage: Storage) -> int:
        trash, versions, limits = storage.abilities.trash, storage.abilities.versions, self._limits.get(space.mount)
        if limits is None or (trash is None and versions is None):
            return 0
        now, freed = self._now(), 0
        entries = [entry async for page in trash.list() for entry in page] if trash is not None else []
        old = aged(entries, limits, now)
        freed += await self._purge(storage, old)
        if versions is not None and limits.versions_days:
            freed += await versions.expire(now - limits.versions_days * DAY)
        gone = {entry.key for entry in old}
        left = [entry for entry in entries if entry.key not in gone]
        quota = space.quota if limits.quota_percent else None
        kept = sum(entry.node.size for entry in left)
        if quota and versions is not None:
            kept += await versions.used()
        room = await storage.abilities.quota.room() if storage.abilities.quota is not None else Room(None, None)
        if freed and room.used is not None and room.available is not None:
            # It is deleted in the background, and may not be free yet.
            room = Room(room.used - freed, room.available + freed)
        if short := missing(limits, room, quota, kept):
            freed += await self._make_room(space, storage, left, short, now)
        return freed

    async def _make_room(self, space: Space, storage: Storage, left: Sequence[Trashed], short: int, now: float) -> int:
        freed = await self._purge(storage, oldest(left, short))
        versions = storage.abilities.versions
        for age in STEPS if versions is not None else ():
            if freed >= short:
                break
            assert versions is not None
            freed += await versions.expire(now - age)
        if freed:
            log.info("{space}: {bytes} bytes of trash and versions made room", space=space.id, bytes=freed)
        return freed

    async def _purge(self, storage: Storage, entries: Iterable[Trashed]) -> int:
        trash, freed = storage.abilities.trash, 0
        for entry in entries:
            assert trash is not None
            try:
                await trash.purge(entry.key)
            except NotFound:
                # Somebody has brought it back, or removed it.
                continue
            freed += entry.node.size
        return freed
