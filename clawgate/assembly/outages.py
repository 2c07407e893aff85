"""Tells the log that the storage of a mount does not work, and when it works again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from ..errors import StorageUnavailable
from ..interfaces import Storage
from ..log import make_logger
from ..model.space import Space

log = make_logger()

QUIET_SECONDS = 60.0
"""A mount has one line in so many seconds, however many of its spaces fail, and however often."""

Build = Callable[[Space], Awaitable[Storage]]


@attrs.define
class _Outage:
    space: str
    """The one that the last line named; empty once it works again."""
    told: float
    further: int = 0


class Outages:
    """Clients hear 503 and little else; operators need to know which mount, and what the storage itself has said."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` tells seconds and never goes back."""
        self._clock = clock
        self._mounts: dict[str, _Outage] = {}

    def told(self, space: Space, error: StorageUnavailable | None) -> None:
        """A call for `space` has failed with `error`, or, with None, has not failed so."""
        known = self._mounts.get(space.mount)
        if error is None:
            if known is not None and known.space == space.id:
                known.space = ""
                log.info("mounts.{mount}: the storage of {space} works again", mount=space.mount, space=space.id)
            return
        now = self._clock()
        if known is not None and now - known.told < QUIET_SECONDS:
            known.further += 1
            return
        further = f" ({known.further} further failures since the last line)" if known is not None and known.further else ""
        self._mounts[space.mount] = _Outage(space.id, now)
        log.warn(
            "mounts.{mount}: the storage of {space} does not work: {error}{further}; 'clawgate check' looks at it",
            mount=space.mount,
            space=space.id,
            error=_words(error),
            further=further,
        )

    def opening(self, build: Build) -> Build:
        """`build`, with failures told: what fails there is no call of a storage yet."""

        async def opened(space: Space) -> Storage:
            try:
                return await build(space)
            except StorageUnavailable as error:
                self.told(space, error)
                raise

        return opened


def _words(error: StorageUnavailable) -> str:
    """What clients are told, and behind it what they are not."""
    cause = str(error.__cause__ or "")
    return f"{error} [{cause}]" if cause and cause not in str(error) else str(error)
