"""How much work in the background may do, and when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater

from ..errors import ClawgateError
from ..log import make_logger
from ..model.path import Path

log = make_logger()

T = TypeVar("T")

GLANCE = 0.02
"""Seconds between looks at whether the gateway is still busy."""
SPREAD = 0.8
"""The part of the time given to a pass over which it is spread; the rest is for what is more than was expected."""


class Idle:
    """Lets work in the background wait while the gateway has other things to do."""

    def __init__(self, clock: Any, busy: Callable[[], bool], longest: float) -> None:
        """`clock` is the reactor; one step waits at most `longest` seconds, so that work goes on under any load."""
        self.clock = clock
        self._busy = busy
        self._longest = longest

    async def wait(self) -> None:
        """Wait until there is time for one more step."""
        end = self.clock.seconds() + self._longest
        while self._busy() and self.clock.seconds() < end:
            await self.sleep(GLANCE)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await deferLater(self.clock, seconds)


def due(folders: int, expected: int, seconds: float, rate: float) -> float:
    """How many seconds after its begin a pass may have looked at so many `folders`, if those `expected` (0: nobody knows) are
    spread over `seconds` and there are not more than `rate` a second (0: no limit)."""
    spread = seconds * SPREAD * min(folders / expected, 1.0) if expected else 0.0
    return max(spread, folders / rate if rate else 0.0)


async def together(most: int, calls: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Make all `calls`, at most so many at a time. Raises the first failure, and cancels the others then."""
    waiting = iter(calls)

    async def work() -> None:
        for call in waiting:
            await call()

    workers = [Deferred.fromCoroutine(work()) for _ in range(most)]
    everything = gatherResults(workers, consumeErrors=True)
    try:
        await everything
    except GeneratorExit:
        raise
    except BaseException as error:
        for worker in workers:
            worker.cancel()
        # What must not be left half done is done yet.
        await DeferredList(workers, consumeErrors=True)
        first = getattr(error, "subFailure", None)
        if first is not None:
            raise first.value from None
        raise


class Troubles:
    """Folders that cannot be read; each is logged when it begins."""

    MOST = 1000
    """Folders that are remembered; the oldest may be logged again."""

    def __init__(self, space: str) -> None:
        self._space = space
        self._known: dict[Path, None] = {}

    def begin(self, path: Path, error: ClawgateError) -> None:
        """It cannot be read."""
        if path in self._known:
            return
        self._known[path] = None
        if len(self._known) > self.MOST:
            del self._known[next(iter(self._known))]
        log.warn("{space}: {path} cannot be listed: {error}", space=self._space, path=f"/{path}", error=error)

    def end(self, path: Path) -> None:
        """It was read."""
        self._known.pop(path, None)
