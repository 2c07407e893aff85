"""A lock for coroutines that many may wait for."""

from __future__ import annotations

from collections import deque
from types import TracebackType

from twisted.internet.defer import Deferred

_resuming: deque[Deferred[None]] = deque()
_active = False


class Mutex:
    """One coroutine at a time, in the order in which they came; used with ``async with``.

    ``DeferredLock`` runs the next waiter inside `release`: when no waiter has to wait for anything else, a hundred of them nest a
    hundred deep, and the recursion limit ends it with the lock held. Here whoever is resumed runs from one flat loop.
    """

    __slots__ = ("_held", "_waiting")

    def __init__(self) -> None:
        self._held = False
        self._waiting: deque[Deferred[None]] = deque()

    async def __aenter__(self) -> None:
        if not self._held:
            self._held = True
            return
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            # Cancelled: while it waited, or just after its turn had come.
            try:
                self._waiting.remove(waiter)
            except ValueError:
                self._release()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._release()

    def _release(self) -> None:
        if self._waiting:
            # It stays held, and belongs to the next one from now on.
            _resume(self._waiting.popleft())
        else:
            self._held = False


def _resume(waiter: Deferred[None]) -> None:
    global _active
    _resuming.append(waiter)
    if _active:
        return
    _active = True
    try:
        while _resuming:
            _resuming.popleft().callback(None)
    finally:
        _active = False
