"""What this process knows of the project spaces that people made, here or in another process."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

from ..model.made_space import Known
from ..single_flight import SingleFlight
from ..state.made_spaces import StoredSpaces

CHECK_SECONDS = 1.0
"""How old the knowledge of what other processes did may be."""


@attrs.frozen
class Fixed:
    """What was known at one moment."""

    known: Known

    async def refresh(self) -> None:
        """Nothing."""


class MadeSpaces:
    """All of them, in memory; `graph.spaces_most` bounds how many there are.

    While the state cannot be read nobody knows who is a member, so that `refresh` fails.
    """

    def __init__(self, stored: StoredSpaces, clock: Callable[[], float], now: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds that never go back, `now` those since 1970."""
        self._stored = stored
        self._clock = clock
        self._now = now
        self._checked_until = float("-inf")
        self._flight = SingleFlight(self._look)
        self._all = Known()
        """With the members whose time is up."""
        self._taken = float("-inf")
        """What `now` said when these were left out."""
        self.known = Known()
        self.changed: list[Callable[[frozenset[str]], None]] = []
        """Told of people and groups that have other spaces than before, as members are written."""

    async def load(self) -> None:
        """Take over all that there is; after a change of one's own. Raises `StorageUnavailable`."""
        fresh = await self._stored.load()
        # Of two that were begun one after the other the second may have ended first.
        if fresh.number >= self.known.number:
            self._take(fresh)
        self._checked_until = self._clock() + CHECK_SECONDS

    def _take(self, fresh: Known) -> None:
        """Without the members whose time is up."""
        self._taken = self._now()
        before, self._all, self.known = self.known, fresh, fresh.at(self._taken)
        if affected := self.known.affected(before):
            for told in self.changed:
                told(affected)

    async def refresh(self) -> None:
        """Make sure that what others had done a second ago is known. Raises `StorageUnavailable`."""
        now = self._now()
        # A clock that was set back has people be members again.
        if self.known.ends <= now or now < self._taken:
            self._take(self._all)
        if self._clock() < self._checked_until:
            return
        await self._flight.join()

    async def _look(self) -> None:
        if await self._stored.number() != self.known.number:
            await self.load()
        else:
            self._checked_until = self._clock() + CHECK_SECONDS
