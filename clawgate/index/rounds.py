"""When a space is walked: again and again, as often as the age that answers may have demands, while somebody asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.task import deferLater

from ..errors import ClawgateError
from ..log import make_logger
from ..model.path import Path
from .freshness import Freshness

log = make_logger()

T = TypeVar("T")

SHARE = 0.45
"""Of the greatest age: what changes just behind one walk is found by the next one, and both take this long."""
SLOWEST = 60.0
"""Seconds between attempts while a storage fails, at most."""

Wanted = Callable[[Path], bool]


class Walked(Protocol):
    """What is needed of `scanner.Pass`."""

    @property
    def started(self) -> float:
        """See `scanner.Pass`."""


class Walker(Protocol):
    """What is needed of `scanner.Scanner`."""

    async def run(self, seconds: float, wanted: Wanted | None = None) -> Walked:
        """Walk once, evenly within so many seconds or as quickly as it may (0)."""


class Turns:
    """How many spaces are walked at once, and for how many there is something to walk."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.semaphore = DeferredSemaphore(count)
        self.walking: set[Rounds] = set()
        """Those that are walked again and again."""

    @property
    def load(self) -> float:
        """By how much faster everybody has to be for all to have their turn."""
        return max(1.0, len(self.walking) / self.count)


class Rounds:
    """The walks through one space."""

    def __init__(
        self,
        space: str,
        walker: Walker,
        freshness: Freshness,
        turns: Turns,
        clock: Any,
        *,
        untold: Wanted,
        staleness_max: float,
        idle: float,
        full: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`clock` is the reactor, `now` tells Unix seconds; `untold` says which folders have to be walked though the storage
        tells of changes. All times are seconds: without requests for `idle` nothing is walked, and every `full` (0: never) also
        what is told of."""
        self._space = space
        self._walker = walker
        self._freshness = freshness
        self._turns = turns
        self._clock = clock
        self._untold = untold
        self._staleness_max = staleness_max
        self._idle = idle
        self._full = full
        self._now = now
        self._used = clock.seconds()
        self._in_use = clock.seconds()
        self._missed: float | None = None
        """Before this moment changes were missed, and a walk that begins later is urgent; None: it is not."""
        self._waiting: Deferred[Any] | None = None
        """A pause, or a walk that may be cut short."""
        self._ended: Deferred[None] | None = None
        self._stopping = False

    @property
    def idle(self) -> bool:
        """Whether nobody has asked for long."""
        return bool(self._clock.seconds() - self._used > self._idle)

    @property
    def in_use(self) -> float:
        """For how many seconds somebody has asked again and again."""
        return float(self._clock.seconds() - self._in_use)

    def start(self) -> None:
        """Begin with a walk through everything."""
        self._ended = Deferred.fromCoroutine(self._run())

    async def stop(self) -> None:
        """End; a walk under way is cancelled."""
        self._stopping = True
        self._turns.walking.discard(self)
        if self._ended is not None:
            self._ended.cancel()
            await self._ended

    def used(self) -> None:
        """Somebody asks for the space now."""
        was_idle = self.idle
        self._used = self._clock.seconds()
        if was_idle:
            self._in_use = self._used
            self._interrupt()

    def hurry(self) -> None:
        """Walk through everything at once: changes may have been missed. A walk under way is brought to its end quickly."""
        self._missed = self._clock.seconds()
        self._interrupt()

    async def _run(self) -> None:
        failures = 0
        pause = 0.0
        while not self._stopping:
            try:
                if pause:
                    await self._interruptible(deferLater(self._clock, pause))
                pause = await self._round()
                failures = 0
            except CancelledError:
                pause = 0.0
            except Exception as error:
                failures += 1
                pause = min(SLOWEST, 2.0**failures)
                if not isinstance(error, ClawgateError):
                    log.failure("{space}: walking it failed", space=self._space)
                log.warn(
                    "{space}: walking it failed: {error}; next attempt in {pause:.0f} s",
                    space=self._space,
                    error=error,
                    pause=pause,
                )

    async def _round(self) -> float:
        """Walk if it is time to; returns the seconds until it may be time again."""
        now = self._clock.seconds()
        freshness = self._freshness
        if self.idle:
            self._turns.walking.discard(self)
            return self._idle
        overdue = self._full > 0 and now - freshness.whole >= self._full
        whole = self._missed is not None or overdue or freshness.needs_whole
        if not whole and not freshness.rest:
            self._turns.walking.discard(self)
            return SLOWEST
        self._turns.walking.add(self)
        seconds = self._staleness_max * SHARE
        await self._turns.semaphore.acquire()
        try:
            began = self._clock.seconds()
            spread = seconds / self._turns.load if self._missed is None else 0.0
            walk = Deferred.fromCoroutine(self._walker.run(spread, None if whole else self._untold))
            walked = await self._interruptible(walk)
        finally:
            self._turns.semaphore.release()
        # It may have gone on with one that was interrupted.
        started = min(began, self._clock.seconds() - (self._now() - walked.started))
        freshness.walked(started, whole=whole)
        if self._missed is not None and whole and started >= self._missed:
            self._missed = None
        return max(0.0, began + seconds - self._clock.seconds()) if self._missed is None else 0.0

    async def _interruptible(self, waiting: Deferred[T]) -> T:
        self._waiting = waiting
        try:
            return await waiting
        finally:
            self._waiting = None

    def _interrupt(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
