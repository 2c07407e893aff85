"""Notes that are written while nobody waits for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

from ..errors import ClawgateError
from ..log import make_logger

T = TypeVar("T")

MOST = 10_000
"""Notes that wait at most; more are dropped."""


class Background(Generic[T]):
    """Writes what was noted, one write at a time for all that came meanwhile. A failure is in the log and nowhere else."""

    def __init__(self, write: Callable[[dict[str, T]], Awaitable[object]], what: str) -> None:
        """`write` is given the notes by key; `what` they are, for the log."""
        self._write = write
        self._what = what
        self._notes: dict[str, T] = {}
        self._running: Deferred[None] | None = None
        self._log = make_logger()

    def note(self, key: str, value: T) -> None:
        """Write this soon, in place of what is still to be written under the same key."""
        if key not in self._notes and len(self._notes) >= MOST:
            return
        self._notes[key] = value
        if self._running is None or self._running.called:
            self._running = Deferred.fromCoroutine(self._drain())

    async def stop(self) -> None:
        """Wait until everything is written."""
        if self._running is not None:
            await self._running

    async def _drain(self) -> None:
        while self._notes:
            notes, self._notes = self._notes, {}
            try:
                await self._write(notes)
            except ClawgateError as error:
                self._log.warn("{what} cannot be noted: {error}", what=self._what, error=str(error))
            except Exception:
                self._log.failure("{what} could not be noted", what=self._what)
