"""Waiting for what must not be left half-way."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


async def unbroken(doing: Deferred[T]) -> tuple[T | Failure, bool]:
    """Wait for the end of `doing`, also if somebody cancels this meanwhile, who has to wait for it. Returns what it gave or how
    it failed, and whether somebody did."""
    outcome: list[T | Failure] = []
    cancelled = False
    ended: Deferred[None] = Deferred()

    def end(result: T | Failure) -> None:
        outcome.append(result)
        ended.callback(None)

    doing.addBoth(end)
    while not outcome:
        try:
            await ended
        except CancelledError:
            cancelled = True
            ended = Deferred()
    return outcome[0], cancelled
