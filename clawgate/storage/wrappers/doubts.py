"""Where a change of ours was interrupted: what went on in a thread or at a service may come to its end later, unheard."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from ...model.path import Path, is_within, parent

SECONDS = 300.0
"""After so long it has come to its end, or never will."""
MOST = 100
"""Places that are told apart; of more everything is in doubt."""


class Doubts:
    """Those of one space."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._until: OrderedDict[Path, float] = OrderedDict()
        self._all_until = float("-inf")

    def add(self, path: Path) -> None:
        """What is at `path` may change, and all below."""
        self._until[path] = self._clock() + SECONDS
        self._until.move_to_end(path)
        if len(self._until) > MOST:
            self._all_until = self._until.popitem(last=False)[1]

    def about(self, folder: Path) -> bool:
        """Whether what `folder` shows may change."""
        if not self._until:
            return False
        now = self._clock()
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        return now < self._all_until or any(folder == parent(path) or is_within(folder, path) for path in self._until)
