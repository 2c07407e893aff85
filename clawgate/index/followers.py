"""All spaces that are followed: how fresh their indexes are, and what to do when that is not enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..log import make_logger
from ..model.path import Path
from ..state.engine import Connection, Database
from . import standing
from .following import Following
from .freshness import Way
from .refresher import Tally
from .rounds import Turns
from .space import SpaceIndex

log = make_logger()

NOTE_SECONDS = 5.0
"""Between notes of how fresh the indexes are."""
WARN_SECONDS = 3600.0
"""Between warnings about one space."""


class Followers:
    """Those of one process."""

    def __init__(self, database: Database, clock: Any, passes: int, now: Callable[[], float] = time.time) -> None:
        """`clock` is the reactor; at most `passes` spaces are walked at once; `now` gives Unix seconds."""
        self.turns = Turns(passes)
        self._database = database
        self._clock = clock
        self._now = now
        self._by_space: dict[str, tuple[SpaceIndex, Following]] = {}
        self._tallies: dict[str, Tally] = {}
        self._warned: dict[str, float] = {}
        self._doubted: set[str] = set()

    async def known(self, index: SpaceIndex) -> float | None:
        """How many seconds ago all changes in a space were entered, as far as it was noted."""
        entered = await self._database.read(lambda connection: standing.entered(connection, index.no))
        return None if entered is None else max(0.0, self._now() - entered)

    def tally(self, mount: str, entered: Callable[[float], None]) -> Tally:
        """What counts the work for a mount; `entered` is used if there is none yet."""
        return self._tallies.setdefault(mount, Tally(entered))

    async def add(self, index: SpaceIndex, following: Following) -> None:
        """Start to follow a space; what followed it until now, at another place, ends."""
        before = self._by_space.pop(index.id, None)
        if before is not None:
            await before[1].stop()
        self._by_space[index.id] = (index, following)
        following.start()
        if index.id in self._doubted:
            self._doubted.remove(index.id)
            following.doubt()

    async def drop(self, space: str) -> None:
        """Do not follow a space any more that is no more."""
        found = self._by_space.pop(space, None)
        self._warned.pop(space, None)
        self._doubted.discard(space)
        if found is not None:
            await found[1].stop()

    def used(self, space: str) -> None:
        """Somebody asks for the space with this id now."""
        found = self._by_space.get(space)
        if found is not None:
            found[1].used()

    def unsure(self, space: str, paths: Sequence[Path]) -> None:
        """A change of ours to `paths` in the space with this id was interrupted."""
        found = self._by_space.get(space)
        if found is not None:
            found[1].unsure(paths)

    def doubt(self, space: str) -> None:
        """Anything may have changed in the space with this id, which may be about to be followed."""
        found = self._by_space.get(space)
        if found is not None:
            found[1].doubt()
        else:
            self._doubted.add(space)

    def oldest(self, mount: str) -> float | None:
        """When the first word came of what nobody looked at yet (clock seconds), in all spaces of a mount; None: none waits."""
        found = [following.oldest for _, following in self._by_space.values() if following.mount == mount]
        return min([at for at in found if at is not None], default=None)

    async def stop(self) -> None:
        """End them all, and note how fresh they were."""
        for _, following in self._by_space.values():
            await following.stop()
        await self.note()
        self._by_space.clear()

    async def note(self) -> None:
        """Note how fresh the indexes are, and warn where they are not fresh enough."""
        now, clock = self._now(), self._clock.seconds()
        rows = []
        for index, following in self._by_space.values():
            entered = following.freshness.entered
            moment = 0.0 if entered is None else now - (clock - entered)
            rows.append((index.no, following.freshness.way.value, moment, now, following.waiting, int(following.idle)))
            self._judge(following, clock)
        if rows:
            await self._database.write(lambda connection: _write(connection, rows))

    def staleness(self) -> Mapping[str, float]:
        """How many seconds old answers may be at most, by mount, for the spaces that somebody uses."""
        found: dict[str, float] = dict.fromkeys(self._tallies, 0.0)
        for _, following in self._by_space.values():
            if not following.idle:
                mount = following.mount
                found[mount] = max(found.get(mount, 0.0), following.freshness.bound)
        return found

    def counts(self, which: Callable[[Tally], int]) -> Mapping[str, int]:
        """One number of all tallies, by mount."""
        return {mount: which(tally) for mount, tally in self._tallies.items()}

    def waiting(self) -> Mapping[str, int]:
        """Names and folders that wait for a look, by mount."""
        found = dict.fromkeys(self._tallies, 0)
        for _, following in self._by_space.values():
            found[following.mount] += following.waiting
        return found

    def _judge(self, following: Following, clock: float) -> None:
        bound = following.freshness.bound
        if following.idle or bound <= following.staleness_max or following.since_used < following.staleness_max:
            return
        if clock - self._warned.get(following.space, float("-inf")) < WARN_SECONDS:
            return
        self._warned[following.space] = clock
        remedy = "raise [outside] scan_rate or scan_threads, or staleness_max of the mount"
        if following.freshness.way is Way.WATCH:
            remedy += ", or watch_folders if folders are left out"
        log.warn(
            "{space}: changes by others may be {bound:.0f} s old before clients see them, staleness_max is {most:g}: {remedy}",
            space=following.space,
            bound=bound,
            most=following.staleness_max,
            remedy=remedy,
        )


def _write(connection: Connection, rows: Sequence[tuple[int, str, float, float, int, int]]) -> None:
    standing.write(connection, rows)
