"""What a provider said, kept while it is silent; and its silence, remembered so that nobody waits for it again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from ...log import make_logger
from ...single_flight import SingleFlight
from .errors import IssuerUnavailable, NoAnswer

T = TypeVar("T")


class Outage:
    """Whether somebody is taken for silent. The log gets the first failure of each kind, and the end."""

    def __init__(self, what: str, seconds: float, clock: Callable[[], float]) -> None:
        """For `seconds` of `clock` after a failure nobody asks again; `what` names in the log what is asked for."""
        self._what = what
        self._seconds = seconds
        self._clock = clock
        self._until = float("-inf")
        self._complaint = ""
        self._log = make_logger()

    def check(self) -> None:
        """Raise `IssuerUnavailable` while the last failure is remembered."""
        if self._clock() < self._until:
            raise unavailable()

    def begin(self, reason: str) -> IssuerUnavailable:
        """It failed; what to raise."""
        self._until = self._clock() + self._seconds
        if reason != self._complaint:
            self._complaint = reason
            self._log.error("{what} cannot be had: {reason}", what=self._what, reason=reason)
        return unavailable()

    def end(self) -> None:
        """It answered."""
        self._until = float("-inf")
        if self._complaint:
            self._complaint = ""
            self._log.info("{what} can be had again", what=self._what)


def unavailable() -> IssuerUnavailable:
    """The error as clients see it."""
    return IssuerUnavailable("the login service does not answer; try again later")


class Kept(Generic[T]):
    """Something that is fetched when it is first needed, and from then on is there.

    However many wait, there is one fetch. When it fails, the one of before stays in force, and nobody fetches for a while.
    """

    def __init__(
        self, what: str, fetch: Callable[[], Awaitable[T]], clock: Callable[[], float], fresh: float, pause: float
    ) -> None:
        """`fetch` raises `NoAnswer` where there is nothing to be had. It is called again after `fresh` seconds of `clock`, and
        not within `pause` seconds of the last time."""
        self._fetch = fetch
        self._clock = clock
        self._fresh = fresh
        self._pause = pause
        self._outage = Outage(what, pause, clock)
        self._log = make_logger()
        self._value: T | None = None
        self._fetched = float("-inf")
        self._flight = SingleFlight(self._run)

    async def get(self) -> T:
        """What is there, however old. Raises `IssuerUnavailable` if nothing is and nothing can be had."""
        return await self.renew() if self._value is None else self._value

    async def renew(self) -> T:
        """What is there after a new fetch, or after the last one if that was a moment ago. Raises `IssuerUnavailable` if it
        failed."""
        if self._value is None or self._clock() >= self._fetched + self._pause:
            self._outage.check()
            await self._flight.join()
            self._outage.check()
        if self._value is None:
            raise unavailable()
        return self._value

    async def refresh(self) -> None:
        """Fetch if it is time; whatever comes of it is in the log."""
        if self._clock() >= self._fetched + self._fresh:
            await self._flight.join()

    async def _run(self) -> None:
        try:
            self._value = await self._fetch()
        except NoAnswer as error:
            self._outage.begin(str(error))
        except Exception:
            self._log.failure("asking an OpenID provider went wrong")
            self._outage.begin("something unforeseen")
        else:
            self._fetched = self._clock()
            self._outage.end()
