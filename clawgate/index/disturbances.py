"""Changes by others in folders that nobody has listed yet: who reads one for the first time may have read it before that."""

from __future__ import annotations

from collections import OrderedDict

from .entry import revisions

KEPT = 20000
"""So many folders are told apart; of others every first listing counts as overtaken that was under way."""


class Disturbances:
    """Of one space, by the numbers of folders. Moments are numbers that only grow (`entry.revisions`)."""

    def __init__(self) -> None:
        self._last: OrderedDict[int, int] = OrderedDict()
        self._everywhere = 0

    def now(self) -> int:
        """The present moment: to be asked before a folder is read."""
        return next(revisions)

    def note(self, no: int) -> None:
        """Something may have changed in a folder that is not learned."""
        self._last[no] = self.now()
        self._last.move_to_end(no)
        if len(self._last) > KEPT:
            _, self._everywhere = self._last.popitem(last=False)

    def note_all(self) -> None:
        """Something may have changed in any of them."""
        self._last.clear()
        self._everywhere = self.now()

    def end(self, no: int, read: int) -> bool:
        """The folder is learned now; whether something may have changed since the moment `read` when it was read."""
        return max(self._last.pop(no, 0), self._everywhere) > read
