"""How long a client may keep us waiting: silence and minimum rate, judged from a look every few seconds."""

from __future__ import annotations

from enum import Enum

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
