"""Which program made which changes of a space, for as long as nobody has been told of them."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from operator import itemgetter

KEPT = 1000
"""Transactions of which it is known who made them; of older ones nobody knows."""

_upto = itemgetter(1)


class Authors:
    """Stretches of the journal, in order, each with who wrote it."""

    def __init__(self) -> None:
        self._stretches: deque[tuple[int, int, str]] = deque(maxlen=KEPT)

    def wrote(self, after: int, upto: int, name: str) -> None:
        """The changes after the number `after`, up to `upto`, are by `name`."""
        after = max(after, self._stretches[-1][1] if self._stretches else 0)
        if after < upto:
            self._stretches.append((after, upto, name))

    def of(self, numbers: Sequence[int]) -> str:
        """Who made these changes; empty if nobody knows, or it was not one alone."""
        found = {self._of(number) for number in numbers}
        return found.pop() if len(found) == 1 else ""

    def told(self, upto: int) -> None:
        """Nobody will ask for changes up to this number."""
        while self._stretches and self._stretches[0][1] <= upto:
            self._stretches.popleft()

    def _of(self, number: int) -> str:
        at = bisect_left(self._stretches, number, key=_upto)
        return self._stretches[at][2] if at < len(self._stretches) and self._stretches[at][0] < number else ""
