"""What this process knows of uploads in pieces: who writes, and the checksums of what came in order."""

from __future__ import annotations

import attrs
from twisted.internet.defer import DeferredLock

from ..checksums import Digests

_REMEMBERED = 1000


class Work:
    """What this process knows of a handle."""

    def __init__(self) -> None:
        self.writers: set[Writer] = set()
        self.alone = False
        self.gone = False
        self.turn = DeferredLock()
        self.digests: Digests | None = None
        """Of the bytes up to `position`."""
        self.position = 0
        self.fresh = False
        """Begun here, so that nothing was written that is not known."""


@attrs.define(eq=False)
class Writer:
    """One call that writes."""

    offset: int
    block: bytearray = attrs.field(factory=bytearray)
    segments: list[str] = attrs.field(factory=list)
    """Keys that were written."""


class Handles:
    """All that are known."""

    def __init__(self) -> None:
        self._work: dict[str, Work] = {}

    def known(self, handle: str) -> Work | None:
        """What is known of a handle; None: nothing."""
        return self._work.get(handle)

    def of(self, handle: str) -> Work:
        """The same, noted down from now on."""
        work = self._work.get(handle)
        if work is None:
            work = self._work[handle] = Work()
            if len(self._work) > _REMEMBERED:
                for old in [one for one, known in self._work.items() if not known.writers and one != handle][:1]:
                    del self._work[old]
        return work

    def tidy(self, handle: str) -> None:
        """Forget what need not be known."""
        work = self._work.get(handle)
        if work is not None and not work.writers and work.digests is None:
            del self._work[handle]

    def forget(self, handle: str) -> Work | None:
        """There is no such upload any more; returns what was known."""
        return self._work.pop(handle, None)
