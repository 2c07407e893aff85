"""Clearing up: leftovers of interrupted work, expired sessions and locks, rows that nothing points to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from ..errors import ClawgateError
from ..log import make_logger
from .locks import Locks
from .storages import Storages
from .uploads import Uploads

log = make_logger()

AGE = 3600.0
"""Seconds after which a temporary file that no session names must be a leftover, while the gateway runs."""


class Janitor:
    """Runs at the start and then from time to time."""

    def __init__(
        self,
        storages: Storages,
        uploads: Uploads,
        locks: Locks,
        tidy: Callable[[], Awaitable[None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`tidy` clears up the index."""
        self._storages = storages
        self._uploads = uploads
        self._locks = locks
        self._tidy = tidy
        self._now = now

    async def run(self, older_than: float = AGE) -> int:
        """One round; returns how many leftovers were removed. A storage that fails does not keep the others from being swept."""
        removed = 0
        await self._locks.sweep(self._now())
        for space, storage in self._storages.opened():
            if storage.abilities.janitor is None:
                continue
            try:
                keep = await self._uploads.handles(space)
                removed += await storage.abilities.janitor.sweep(keep, older_than)
            except ClawgateError as error:
                log.warn("clearing up {space} failed: {error}", space=space.id, error=error)
        await self._tidy()
        return removed
