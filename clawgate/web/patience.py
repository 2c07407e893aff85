"""How long a client may keep us waiting: silence and minimum rate, judged from a look every few seconds."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .body import RequestBody
    from .site import ClawSite

GRACE = 60.0
"""Seconds of waiting before the minimum rate counts."""


class Wait(Enum):
    """What an exchange waits for."""

    NOTHING = 0
    """For ourselves: no time runs."""
    INPUT = 1
    """For bytes of the body."""
    OUTPUT = 2
    """For the client to take bytes of the answer."""


class Output(NamedTuple):
    """An answer that waits for its client."""

    since: float
    """The clock's seconds."""
    taken: int
    """Bytes that the client has taken so far."""


class Patience:
    """The time one request has kept us waiting. Time in which we were the slow ones does not count."""

    __slots__ = ("_active", "_count", "_last", "_moved", "_wait", "_waited")

    def __init__(self, now: float) -> None:
        self._last = now
        self._active = False
        self._wait = Wait.NOTHING
        self._waited = 0.0
        self._moved = now
        self._count = 0

    def exhausted(self, now: float, wait: Wait, since: float, count: int, idle: float, rate: int) -> bool:
        """Whether the client has to go. Times in seconds of one clock.

        The exchange waits for `wait` since `since`; `count` bytes have passed in that direction so far. `idle`: the longest
        silence; `rate`: bytes a second it must average after the first minute of waiting, 0: any.
        """
        before, self._last = self._last, now
        active, self._active = self._active, wait is not Wait.NOTHING
        if wait is Wait.NOTHING:
            return False
        if wait is not self._wait:
            self._wait = wait
            self._waited = 0.0
            self._moved = since
            active = False
        elif count != self._count:
            self._moved = now
        self._count = count
        self._waited += now - (before if active else max(before, since))
        if now - max(since, self._moved) > idle:
            return True
        return bool(rate) and self._waited > GRACE and count < rate * self._waited

    def judge(self, now: float, body: RequestBody | None, output: Output | None, site: ClawSite) -> Wait:
        """What the client has kept us waiting for too long, by the settings of `site`: `NOTHING` if it has not.

        `body` is that of the request as long as it may still come and has an end; `output` is given if the answer waits.
        """
        if body is not None and body.waiting:
            wait, since, count = Wait.INPUT, body.silent_since, body.received
        elif output is not None:
            wait, since, count = Wait.OUTPUT, output.since, output.taken
        else:
            wait, since, count = Wait.NOTHING, now, 0
        return wait if self.exhausted(now, wait, since, count, site.idle_timeout, site.min_rate) else Wait.NOTHING
