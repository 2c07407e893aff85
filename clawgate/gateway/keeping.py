"""How long what was removed or overwritten is kept: the rules, as pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from operator import attrgetter

import attrs

from ..interfaces import Room, Trashed

DAY = 86400.0
STEPS = (30 * DAY, 7 * DAY, DAY, DAY / 24, 0.0)
"""When room is needed, what is older than so many seconds goes first: everywhere, before anything younger goes anywhere."""

_removed = attrgetter("removed")


@attrs.frozen
class Limits:
    """What a mount allows; 0: no limit."""

    trash_days: float
    versions_days: float
    free_percent: float
    quota_percent: float
    idle_hours: float = 0
    """Between visits to spaces that nobody has used since the start; 0: they are not visited."""


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


def by_age(entries: Iterable[Trashed]) -> list[Trashed]:
    """The oldest first."""
    return sorted(entries, key=_removed)


def oldest(runs: Iterable[Sequence[Trashed]], short: int) -> Iterator[Trashed]:
    """So many of the oldest that `short` bytes become free, if there are so many. Each of the `runs` is as `by_age`; all of a
    large trash sorted at once would hold everybody else up."""
    for entry in merge(*runs, key=_removed):
        if short <= 0:
            break
        yield entry
        short -= entry.node.size
