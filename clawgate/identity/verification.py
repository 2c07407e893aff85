"""One look at credentials that has no outcome yet, and what changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import Deferred

from ..model.people import Actor

Which = Callable[[Actor], bool]
CHANGES = 10_000
"""Changes during one verification that are told apart; more are taken for changes of everybody."""


@attrs.define(eq=False)
class Verification:
    """What was found out before a change is the answer for those who had asked before it, and for nobody else."""

    waiting: list[Deferred[Actor | None]]
    """Those who are to be told."""
    _changes: set[Which] = attrs.field(factory=set, init=False)
    _before: int = attrs.field(default=0, init=False)
    """How many waited when the first of these came."""

    def forget(self, which: Which) -> None:
        """What is known of these actors may not be true any more."""
        if not self._changes:
            self._before = len(self.waiting)
        self._changes.add(which if len(self._changes) < CHANGES else everybody)

    def is_old(self, actor: Actor) -> bool:
        """Whether that goes for `actor`."""
        return any(which(actor) for which in self._changes)

    @property
    def late(self) -> list[Deferred[Actor | None]]:
        """Those who came after the first change."""
        return self.waiting[self._before :] if self._changes else []


def everybody(actor: Actor) -> bool:
    """All actors."""
    return True
