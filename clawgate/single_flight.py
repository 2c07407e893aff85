"""Work that is done once for all who ask for it meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred


class SingleFlight:
    """Runs `work` when somebody asks for it; whoever asks while it runs waits for that run.

    Work that has begun goes on although the request that began it is cancelled: others wait for it.
    """

    __slots__ = ("_waiting", "_work")

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._waiting: list[Deferred[None]] = []

    async def join(self) -> None:
        """Wait for the run that is under way, or for one that begins now. Raises what it raises."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            Deferred.fromCoroutine(self._run())
        await waiter

    async def _run(self) -> None:
        failure: Exception | None = None
        try:
            await self._work()
        except Exception as error:
            failure = error
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if failure is None:
                waiter.callback(None)
            else:
                waiter.errback(failure)
