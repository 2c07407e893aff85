"""The door to threads: named pools with a bounded queue. Blocking calls go through here and nowhere else.

These are not the pools of ``twisted.python.threadpool``: a call through one of those costs 50 µs of CPU and more under load, most
of it for features that are not needed here, and a small request makes two or three. Here a call takes a C queue there and a
list back, and results that are ready together wake the reactor once; it costs about 20 µs.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure

from .errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")

STOP_SECONDS = 5.0
"""How long `Workers.stop` waits for each thread, unless something else is said."""

_Task = tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Workers:
    """Threads for one purpose, started when there is work for them.

    Cancelling what `run` returns does not stop the thread: functions handed in must be safe to finish unheard, and they count as
    pending until they have.
    """

    def __init__(
        self, reactor: IReactorFromThreads, name: str, threads: int, queue: int, stop_seconds: float = STOP_SECONDS
    ) -> None:
        """`threads` run at once; `queue` more calls may wait, further ones are refused with `Overloaded`. For each thread `stop`
        waits for `stop_seconds`."""
        self.name = name
        self.limit = threads + queue
        self._stop_seconds = stop_seconds
        self.pending = 0
        """Calls running or waiting now."""
        self._from_thread = reactor.callFromThread
        self._most = threads
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._done: deque[tuple[Deferred[Any], Any]] = deque()
        self._waking = False
        """The reactor was asked to look at `_done` and has not begun to."""
        self._running = False

    @property
    def running(self) -> bool:
        """Whether calls are taken."""
        return self._running

    def start(self) -> None:
        """Take calls from now on."""
        self._running = True

    def stop(self) -> None:
        """Wait for running and waiting calls, though not for ever, then end the threads. Results are still delivered."""
        self._running = False
        threads, self._threads = self._threads, []
        for _ in threads:
            self._tasks.put(None)
        for thread in threads:
            # A call into a storage that hangs must not keep the process alive; its thread ends with it.
            thread.join(self._stop_seconds)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` in a thread and wait for its result. Raises `Overloaded`, and what the function raises."""
        if self.pending >= self.limit:
            raise Overloaded(f"too much work is waiting for {self.name}")
        return await self._put(function, args, kwargs)

    async def run_always(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, but never refused: for putting things in order after what was admitted."""
        return await self._put(function, args, kwargs)

    def _put(self, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Deferred[T]:
        if not self._running:
            raise RuntimeError(f"the workers {self.name} do not run")
        self.pending += 1
        if self.pending > len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name=f"{self.name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        result: Deferred[T] = Deferred()
        self._tasks.put((result, function, args, kwargs))
        return result

    def _work(self) -> None:
        take = self._tasks.get
        while True:
            task = take()
            if task is None:
                return
            result, function, args, kwargs = task
            try:
                outcome = function(*args, **kwargs)
            except BaseException:
                outcome = Failure()  # type: ignore[no-untyped-call]
            self._done.append((result, outcome))
            # Nothing that the call held may live until the next one.
            del task, result, function, args, kwargs, outcome
            if not self._waking:
                self._waking = True
                self._from_thread(self._deliver)

    def _deliver(self) -> None:
        # First this, then the looking: what is appended later wakes the reactor again.
        self._waking = False
        done = self._done
        while done:
            result, outcome = done.popleft()
            self.pending -= 1
            if isinstance(outcome, Failure):
                result.errback(outcome)
            else:
                result.callback(outcome)
