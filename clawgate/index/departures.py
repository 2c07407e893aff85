"""Where what vanished was, in case it turns up elsewhere: then others have moved it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from ..model.path import Path, join
from .reconcile import Outcome

KEPT = 10000
"""Places that are remembered; the oldest is forgotten first."""


class Departures:
    """Of one space. A move is seen as two events, the end of one place and the begin of another, in any order."""

    def __init__(self) -> None:
        self.moved: Callable[[Path, Path], None] | None = None
        """Told from where to where others have moved a file or folder."""
        self._places: OrderedDict[int, Path] = OrderedDict()

    def note(self, folder: Path, outcome: Outcome) -> None:
        """What became of news about the folder at this path."""
        for no, name in outcome.left:
            self._places[no] = join(folder, name)
            self._places.move_to_end(no)
            if len(self._places) > KEPT:
                self._places.popitem(last=False)
        for no, name in outcome.back:
            before = self._places.pop(no, None)
            if before is not None:
                self.tell(before, join(folder, name))

    def tell(self, before: Path, now: Path) -> None:
        """Something was moved."""
        if self.moved is not None and before != now:
            self.moved(before, now)
