"""Room on the way to a client: who waits until it has taken more, and since when."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ..errors import Disconnected


class Room:
    """What an answer waits for that is quicker than its client. One at a time waits."""

    __slots__ = ("_waiter", "since")

    def __init__(self) -> None:
        self._waiter: Deferred[None] | None = None
        self.since = 0.0
        """When there was no room any more, in the clock's seconds; 0: never so far."""

    @property
    def awaited(self) -> bool:
        """Somebody waits at this moment."""
        return self._waiter is not None

    async def wait(self, now: float) -> None:
        """Until `made`. Raises `Disconnected`."""
        self.since = now
        waiter: Deferred[None] = Deferred()
        self._waiter = waiter
        await waiter

    def made(self) -> None:
        """The client has taken something."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            waiter.callback(None)

    def lost(self, error: Disconnected) -> None:
        """It never will again."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            waiter.errback(error)
