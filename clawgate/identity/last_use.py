"""When app passwords were last used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ..model.people import Actor
from .background import Background

KEPT = 10_000
"""App passwords whose last note is remembered; without it one is written too many."""


class LastUse:
    """Notes a use unless one was noted lately. Nobody waits for it, and nobody fails with it."""

    def __init__(self, write: Callable[[Mapping[str, float]], Awaitable[None]], seconds: float, now: Callable[[], float]) -> None:
        """`write` is given times by id; `seconds` are what lies between two notes of the same app password."""
        self._background: Background[float] = Background(write, "the last use of app passwords")
        self._seconds = seconds
        self._now = now
        self._noted: dict[str, float] = {}

    def __call__(self, actor: Actor) -> None:
        """Somebody has logged in; only app passwords count."""
        id = actor.app_password
        if not id:
            return
        now = self._now()
        if 0 <= now - self._noted.get(id, float("-inf")) < self._seconds:
            return
        if len(self._noted) >= KEPT:
            self._noted.clear()
        self._noted[id] = now
        self._background.note(id, now)

    async def stop(self) -> None:
        """Wait until everything is written."""
        await self._background.stop()
