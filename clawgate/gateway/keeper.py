"""Removing for good what was kept long enough: in the spaces that are open, and in those that nobody has used for long."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

from ..errors import ClawgateError, Forbidden
from ..index.idle import Idle
from ..interfaces import Storage
from ..log import make_logger
from ..model.space import Space
from ..mutex import Mutex
from .clearing import Clearing
from .keeping import STEPS, Limits
from .storages import Storages

log = make_logger()

PACE = 0.02
"""Seconds between visits to spaces that nobody uses, unless room is needed: 100,000 of them take at least half an hour."""
FAILURES = 10
"""Visits to spaces of one mount that fail one after the other, until most others are left for the next time."""
PROBE = 100
"""Of those that are left one in so many is visited all the same: if that goes well it was not the mount."""
AGAIN = 60.0
"""Seconds for which nobody is answered who asks for room, after somebody was."""

Visit = Callable[[Space, Storage], Awaitable[None]]


class Visits(Protocol):
    """The way into spaces that nobody has used since the start."""

    def ids(self, mounts: Collection[str]) -> AsyncIterator[str]:
        """The ids of all spaces that are known on these mounts, open ones among them."""

    def visit(self, id: str) -> AbstractAsyncContextManager[Iterable[tuple[Space, Storage]]]:
        """What is to be looked after in one of them: nothing if it is open, or not to be found. It is let go of afterwards.
        Nothing is made, and nobody follows what happens there."""


class Keeper:
    """Goes round. One round at a time; whoever wants one meanwhile waits."""

    def __init__(
        self,
        storages: Storages,
        limits: Mapping[str, Limits],
        visits: Visits,
        idle: Idle,
        now: Callable[[], Awaitable[float]],
        seconds: Callable[[], float],
    ) -> None:
        """`limits` by the name of the mount; `idle` says when there is time for one more visit; `now` gives seconds since 1970,
        `seconds` never goes back."""
        self._storages = storages
        self._limits = limits
        self._visits = visits
        self._idle = idle
        self._now = now
        self._seconds = seconds
        self._due = {name: float("-inf") for name, one in limits.items() if one.idle_hours}
        """When the idle spaces of a mount are visited next."""
        self._spent: set[str] = set()
        """Mounts whose idle spaces have given up all they had: nothing more comes there until somebody uses them."""
        self._asked: set[str] = set()
        self._ended = float("-inf")
        self._working = Mutex()

    def ask(self, mount: str) -> None:
        """A storage of this mount is full: somebody may try again soon."""
        limits = self._limits.get(mount)
        if limits is not None and limits.free_percent:
            self._asked.add(mount)

    async def answer(self) -> None:
        """Make room where somebody has asked for it, if the last time has ended `AGAIN` seconds ago."""
        if self._is_wanted:
            async with self._working:
                await self._answer()

    @property
    def _is_wanted(self) -> bool:
        return bool(self._asked) and self._seconds() - self._ended >= AGAIN

    async def _answer(self) -> None:
        if not self._is_wanted:
            # Somebody has done it in a round.
            return
        clearing, asked = await self._begin(), frozenset(self._asked)
        self._asked.clear()
        try:
            await self._each_open(clearing.look, asked)
            await self._make_room(clearing)
        finally:
            self._ended = self._seconds()

    async def run(self) -> int:
        """One round; returns how many bytes were given up, as far as known. A storage that fails does not keep the others from
        their turn."""
        async with self._working:
            clearing = await self._begin()
            await self._each_open(clearing.aged, self._limits)
            now = self._seconds()
            if due := {name for name, at in self._due.items() if at <= now}:
                await self._visit(due, clearing.aged, hurried=False)
                self._spent -= due
                self._due.update({name: now + self._limits[name].idle_hours * 3600 for name in due})
            await self._make_room(clearing)
            return clearing.freed

    async def _begin(self) -> Clearing:
        return Clearing(self._limits, await self._now())

    async def _make_room(self, clearing: Clearing) -> None:
        for age in STEPS:
            needy, clearing.short = clearing.short, set()
            make_room = partial(clearing.make_room, age=age)
            await self._each_open(make_room, needy)
            await self._visit(needy & self._due.keys() - self._spent, make_room, hurried=True)
        self._spent |= clearing.short

    async def _each_open(self, work: Visit, mounts: Collection[str]) -> None:
        for space, storage in self._storages.everyone() if mounts else ():
            if space.mount in mounts:
                await self._attempt(work, space, storage)

    async def _attempt(self, work: Visit, space: Space, storage: Storage) -> None:
        try:
            await work(space, storage)
        except ClawgateError as error:
            log.warn("clearing up the trash of {space} failed: {error}", space=space.id, error=error)

    async def _visit(self, mounts: Collection[str], work: Visit, *, hurried: bool) -> None:
        if not mounts:
            return
        failures: Counter[str] = Counter()
        left: Counter[str] = Counter()
        async for id in self._visits.ids(mounts):
            mount = id.partition("$")[0]
            if failures[mount] >= FAILURES:
                left[mount] += 1
                if left[mount] % PROBE:
                    continue
            await self._idle.wait()
            try:
                await self._inside(id, work)
                failures[mount] = 0
            except Forbidden as error:
                # A thing of this space alone.
                log.info("the trash of {space}, which nobody uses, cannot be cleared up: {error}", space=id, error=error)
            except ClawgateError as error:
                failures[mount] += 1
                log.warn("clearing up the trash of {space}, which nobody uses, failed: {error}", space=id, error=error)
                if failures[mount] == FAILURES:
                    log.warn("most other spaces of {mount} that nobody uses are left for the next time", mount=mount)
            # Others have their turn in between, also where there was nothing to wait for.
            await self._idle.sleep(0 if hurried else PACE)
            if not hurried:
                await self._answer()

    async def _inside(self, id: str, work: Visit) -> None:
        """Do `work` for everybody who has left something in a space. Raises the last failure, after all had their turn."""
        failed: ClawgateError | None = None
        async with self._visits.visit(id) as found:
            for space, storage in found:
                try:
                    await work(space, storage)
                except ClawgateError as error:
                    failed = error
        if failed is not None:
            raise failed
