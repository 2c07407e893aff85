"""A time by which things may be deleted for good: that of the clock, unless it leaps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from ..errors import ClawgateError
from ..log import make_logger
from ..model.reckoned import Reckoned

log = make_logger()

LEAP = 86400.0
"""Seconds by which the clock may be ahead of what was expected."""
DOUBT = 86400.0
"""Seconds for which a clock that is further ahead is not believed, so that somebody can mend it."""


class Calendar:
    """Clocks are set wrong, before the network is there for instance, and a machine that was off for weeks looks the same at
    first. So a clock that leaps ahead is believed a day later: what is too old is a day older then, and nothing else is lost.
    One that goes back is believed at once: nothing is older by that."""

    def __init__(
        self,
        load: Callable[[], Awaitable[Reckoned | None]],
        keep: Callable[[Reckoned], Awaitable[None]],
        now: Callable[[], float],
        seconds: Callable[[], float],
    ) -> None:
        """`now` is the clock, in seconds since 1970, `seconds` never goes back; `load` gives what `keep` was told last, by
        another process, too; None: nothing is known, and the clock is believed."""
        self._load = load
        self._keep = keep
        self._now = now
        self._seconds = seconds
        self._known: Reckoned | None = None
        self._at = 0.0
        """When that was, in `seconds`."""

    async def time(self) -> float:
        """Seconds since 1970; never much later than it is."""
        at, now = self._seconds(), self._now()
        if self._known is None:
            self._known, self._at = await self._load(), at
        self._known, self._at = self._reckon(self._known, at - self._at, now), at
        with suppress(ClawgateError):
            # Room has to be made above all where a full disk takes this no more.
            await self._keep(self._known)
        return self._known.time

    def _reckon(self, known: Reckoned | None, passed: float, now: float) -> Reckoned:
        if known is None or now <= known.time + passed + LEAP:
            return Reckoned(now)
        if known.doubted is None:
            log.warn(
                "the clock is {days} days ahead of the time at which trash was cleared up last; it is believed after a day, so "
                "that nothing is deleted too early if it is wrong",
                days=round((now - known.time - passed) / 86400, 1),
            )
            return Reckoned(known.time + passed, 0.0)
        doubted = known.doubted + passed
        return Reckoned(known.time + passed, doubted) if doubted < DOUBT else Reckoned(now)
