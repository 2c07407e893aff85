"""Going over a tree in the order of paths, each folder before what is below it, several folders at a time."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.path import ROOT, Path, join
from .prints import Print


class Visit:
    """A folder on the way. It is left when all below it are."""

    __slots__ = ("above", "below", "clean", "no", "open", "parent", "path", "rest", "stored")

    def __init__(self, path: Path, above: Visit | None, parent: int, rest: tuple[str, ...]) -> None:
        self.path = path
        self.above = above
        self.parent = parent
        """The row of the folder that holds it; 0: it is the root."""
        self.rest = rest
        """The names that lead from here to where the walk goes on; empty: it is behind that."""
        self.no = 0
        """Its row."""
        self.open = 0
        """Folders in it that are not left."""
        self.clean = not rest
        """Whether everything below was seen, and entered, since it was come to."""
        self.stored: Print | None = None
        """What to remember of it once it is left."""


class Walk:
    """A walk. Memory is needed for the folders that lie beside the way to where it is, and for those on that way."""

    def __init__(self, cursor: Path) -> None:
        """It begins at the folder `cursor`, or behind the place where that was; the folders above it are visited, too."""
        self._stack = [Visit(ROOT, None, 0, tuple(cursor.split("/")) if cursor else ())]
        self._prints: list[Print] = []

    @property
    def cursor(self) -> Path:
        """Where to begin if the walk is interrupted now; everything before it was left or is on the way to it."""
        return self._stack[-1].path if self._stack else ROOT

    def take(self, most: int) -> list[Visit]:
        """The next folders; empty: the walk is over."""
        batch = self._stack[: -most - 1 : -1]
        del self._stack[-most:]
        return batch

    def enter(self, visits: Sequence[tuple[Visit, Sequence[str]]]) -> None:
        """Go on with the folders of these names, sorted, in each visit of the last batch."""
        for visit, names in reversed(visits):
            first = visit.rest[0] if visit.rest else ""
            below = [name for name in names if name >= first]
            visit.open = len(below)
            for name in reversed(below):
                rest = visit.rest[1:] if name == first else ()
                self._stack.append(Visit(join(visit.path, name), visit, visit.no, rest))
            if not below:
                self._leave(visit)

    def remember(self, print: Print) -> None:
        """Hand this out by `prints`."""
        self._prints.append(print)

    def prints(self) -> list[Print]:
        """What is to be remembered since the last call."""
        found, self._prints = self._prints, []
        return found

    def _leave(self, visit: Visit | None) -> None:
        while visit is not None:
            if visit.clean and visit.stored is not None:
                self._prints.append(visit.stored)
            above = visit.above
            if above is None:
                return
            above.clean = above.clean and visit.clean
            above.open -= 1
            if above.open:
                return
            visit = above
