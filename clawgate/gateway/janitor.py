"""Clearing up: leftovers of interrupted work, expired sessions and locks, rows that nothing points to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from ..errors import ClawgateError
from ..log import make_logger
from ..model.space import Space
from ..model.upload import Upload
from .locks import Locks
from .storages import Storages
from .uploads.sessions import Uploads

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
        locate: Callable[[Upload], Awaitable[Space | None]],
        tidy: Callable[[], Awaitable[None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`locate` finds the space of an upload (None: there is no such space any more), `tidy` clears up what is no file."""
        self._storages = storages
        self._uploads = uploads
        self._locks = locks
        self._locate = locate
        self._tidy = tidy
        self._now = now

    async def run(self, older_than: float = AGE) -> int:
        """One round; returns how many leftovers were removed. A storage that fails does not keep the others from being swept."""
        removed = 0
        await self._locks.sweep(self._now())
        for upload in await self._uploads.expired():
            try:
                await self._uploads.throw_away(upload, await self._locate(upload))
            except ClawgateError as error:
                log.warn("the expired upload {id} cannot be thrown away yet: {error}", id=upload.id, error=error)
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
