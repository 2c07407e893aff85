"""Bodies of requests: real ones that a test feeds, and short ones."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from clawgate.web.body import RequestBody, Windows


class Connection:
    """The connection's side of a body: notes what is asked of it."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.wanted = 0
        self.paused = False

    def body_wanted(self, block: int) -> None:
        self.wanted += 1

    def pause_body(self) -> None:
        self.paused = True

    def resume_body(self, block: int) -> None:
        self.paused = False

    def seconds(self) -> float:
        return self._clock.seconds()


def request_body(clock: IReactorTime, length: int | None = None) -> RequestBody:
    """To be fed with `feed`, `end` and `fail`."""
    return RequestBody(length, Connection(clock), Windows(1 << 20, 1 << 24))


async def chunks(*data: bytes, failure: Exception | None = None) -> AsyncIterator[bytes]:
    """What comes at once."""
    for one in data:
        yield one
    if failure is not None:
        raise failure


class Task:
    """A coroutine that has been started."""

    def __init__(self, coroutine: Any) -> None:
        self.deferred: Deferred[Any] = Deferred.fromCoroutine(coroutine)
        self.result: Any = None
        self.done = False
        self.deferred.addBoth(self._ended)

    def _ended(self, result: Any) -> Any:
        self.done = True
        self.result = result
        return result

    def __await__(self) -> Any:
        return self.deferred.__await__()

    def failure(self) -> BaseException:
        """What it raised; it must have ended."""
        assert self.done
        self.deferred.addErrback(lambda _: None)
        found: BaseException = self.result.value
        return found


async def until(condition: Callable[[], object]) -> None:
    """Wait for what happens in threads."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await deferLater(reactor, 0.005)  # type: ignore[arg-type]
