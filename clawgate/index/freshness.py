"""How old the index's answers may be: the measured side of promise 5.

A change made behind the gateway is entered when its hint is worked off, where the storage tells of changes, else when the next
walk has come by. The bound is the age of the oldest moment up to which everything is known to be entered.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Way(Enum):
    """How changes by others are found."""

    NONE = "none"
    """When somebody lists the folder."""
    SCAN = "scan"
    """By walking through all folders again and again."""
    WATCH = "watch"
    """The storage tells; what it cannot tell of is walked."""


class Freshness:
    """Of one space."""

    def __init__(
        self,
        way: Way,
        clock: Callable[[], float],
        known: float | None,
        oldest: Callable[[], float | None],
        rest: Callable[[], bool],
    ) -> None:
        """`clock` gives seconds that never go back; `known` is how many seconds ago everything was entered, as far as an earlier
        process noted it. `oldest` gives the time of the oldest hint that waits, as `Refresher.oldest`; `rest` says whether there
        are folders that nobody tells of."""
        self.way = way
        self._clock = clock
        self._oldest = oldest
        self._rest = rest
        self._walked = None if known is None else clock() - known
        """When the last walk began that came to its end, through all folders."""
        self._walked_rest = self._walked
        """The same, through all folders that nobody tells of."""
        self._told_from: float | None = None
        """Since when the storage tells of all changes in the folders that it tells of; None: it does not."""
        self._began = clock()

    @property
    def rest(self) -> bool:
        """Whether there are folders that have to be walked all the time."""
        return self._told_from is None or self._rest()

    def told(self) -> None:
        """From now on the storage tells of changes, in the folders that it tells of."""
        self._told_from = self._clock()

    def lost(self) -> None:
        """Something was missed, and the storage tells of nothing any more."""
        if self._told_from is not None:
            # What was entered until then stays entered.
            self._walked = self.entered
            self._told_from = None

    def walked(self, began: float, *, whole: bool) -> None:
        """A walk that began then came to its end, through all folders (`whole`) or those that nobody tells of."""
        self._walked_rest = began
        if whole:
            self._walked = began

    @property
    def whole(self) -> float:
        """When the last walk through all folders began; before there was one: never."""
        return float("-inf") if self._walked is None else self._walked

    @property
    def needs_whole(self) -> bool:
        """Whether only a walk through all folders can tell what was missed."""
        return self._told_from is None or self._walked is None or self._walked < self._told_from

    @property
    def entered(self) -> float | None:
        """The moment up to which every change is entered (clock seconds); None: never yet."""
        if self._walked is None:
            return None
        if self.needs_whole:
            return self._walked
        oldest = self._oldest()
        moment = self._clock() if oldest is None else oldest
        return min(moment, self._walked_rest or moment) if self._rest() else moment

    @property
    def bound(self) -> float:
        """How many seconds old an answer may be at most; before the first walk: since the space was opened."""
        entered = self.entered
        return self._clock() - (self._began if entered is None else entered)
