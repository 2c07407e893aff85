"""The door to threads: named pools with a bounded queue. Blocking calls go through here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from .errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """Threads for one purpose.

    Cancelling what `run` returns does not stop the thread: functions handed in must be safe to finish unheard, and they count as
    pending until they have.
    """

    def __init__(self, reactor: IReactorFromThreads, name: str, threads: int, queue: int) -> None:
        """`threads` run at once; `queue` more calls may wait, further ones are refused with `Overloaded`."""
        self.name = name
        self.limit = threads + queue
        self.pending = 0
        """Calls running or waiting now."""
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=threads, name=name)

    def start(self) -> None:
        """Start the threads."""
        self._pool.start()

    def stop(self) -> None:
        """Wait for running and waiting calls, then end the threads."""
        self._pool.stop()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` in a thread and wait for its result. Raises `Overloaded`, and what the function raises."""
        if self.pending >= self.limit:
            raise Overloaded(f"too much work is waiting for {self.name}")
        return await self.run_always(function, *args, **kwargs)

    async def run_always(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, but never refused: for putting things in order after what was admitted."""
        self.pending += 1
        result: Deferred[T] = Deferred()

        def ended(success: bool, outcome: Any) -> None:
            self._reactor.callFromThread(self._deliver, result, outcome)

        self._pool.callInThreadWithCallback(ended, function, *args, **kwargs)
        return await result

    def _deliver(self, result: Deferred[T], outcome: T | Failure) -> None:
        self.pending -= 1
        if isinstance(outcome, Failure):
            result.errback(outcome)
        else:
            result.callback(outcome)
