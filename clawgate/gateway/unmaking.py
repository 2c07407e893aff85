"""The files of made spaces that are removed for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import attrs
from twisted.internet.defer import CancelledError, Deferred, DeferredList

from ..errors import ClawgateError, NotFound
from ..log import make_logger
from ..model.made_space import MadeSpace, Standing
from ..model.space import Space
from ..mutex import Mutex
from ..state.made_spaces import StoredSpaces
from .made_spaces import MadeSpaces
from .rules import Rule

log = make_logger()

TOLD_SECONDS = 3600.0
"""Between lines in the log that say for the same reason that a space is not removed yet."""


class Cleared(Protocol):
    """Where the files of spaces are."""

    async def clear(self, space: Space) -> None:
        """Remove all that is there, and all that is known of it. Raises `StorageUnavailable`, also if nobody can tell that what
        is not there was removed."""

    async def end(self, space: Space) -> None:
        """It is noted that all was removed. Raises `StorageUnavailable`."""


class Unmaking:
    """Removes them, one space at a time."""

    def __init__(
        self, rules: Mapping[str, Rule], stored: StoredSpaces, made: MadeSpaces, ground: Cleared, now: Callable[[], float]
    ) -> None:
        self._rules = rules
        self._stored = stored
        self._made = made
        self._ground = ground
        self._now = now
        self.busy: set[str] = set()
        """Ids of those that are being removed."""
        self.running: set[Deferred[None]] = set()
        self._told: dict[str, tuple[str, float]] = {}
        """Of spaces that cannot be removed: why, and when that was told."""
        self._turn = Mutex()

    def begin(self, one: MadeSpace) -> None:
        """Begin to remove the files of a space that `goes`."""
        if one.id in self.busy:
            return
        self.busy.add(one.id)
        clearing = Deferred.fromCoroutine(self._clear(one))
        clearing.addErrback(lambda failure: log.failure("{space} is not removed yet", failure, space=one.id))
        self.running.add(clearing)
        clearing.addBoth(lambda _: self.running.discard(clearing))

    async def stop(self) -> None:
        """Break off what is being removed; the next start goes on with it."""
        clearing = list(self.running)
        for one in clearing:
            one.cancel()
        if clearing:
            await DeferredList(clearing)

    async def _clear(self, one: MadeSpace) -> None:
        try:
            # One at a time: a large one keeps a thread busy for long.
            async with self._turn:
                # It may have waited for long. What another process has removed meanwhile may be another space's folder by now.
                await self._made.load()
                there = self._made.known.find(one.mount, one.key)
                if there is None or not there.standing.goes:
                    return
                one = there
                space = self._rules[one.mount].space_of(one)
                if one.standing is not Standing.EMPTIED:
                    await self._ground.clear(space)
                    # Another process may have done the same, and forgotten it.
                    with suppress(NotFound):
                        await self._stored.change(one.mount, one.key, lambda it: attrs.evolve(it, standing=Standing.EMPTIED))
                await self._ground.end(space)
            await self._stored.remove(one.mount, one.key)
            await self._made.load()
            self._told.pop(one.id, None)
            log.info("{space} «{name}» was removed for good", space=one.id, name=one.name)
        except CancelledError:
            log.info("{space} is not removed yet: the gateway ends", space=one.id)
        except ClawgateError as error:
            self._tell(one, str(error))
        finally:
            self.busy.discard(one.id)

    def _tell(self, one: MadeSpace, why: str) -> None:
        """Once, and now and then as long as it is so."""
        said, at = self._told.get(one.id, ("", 0.0))
        if why != said or not 0 <= self._now() - at < TOLD_SECONDS:
            self._told[one.id] = why, self._now()
            log.error("{space} is not removed yet, and will be tried again: {error}", space=one.id, error=why)

    def forget(self, pending: Sequence[MadeSpace]) -> None:
        """What was told of others than these, which are still to be removed, need not be known any more."""
        self._told = {one.id: self._told[one.id] for one in pending if one.id in self._told}
