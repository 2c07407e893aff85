"""Which program made which changes of a space, for as long as nobody has been told of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

KEPT = 1000
"""Transactions of which it is known who made them; of older ones nobody knows."""


class Authors:
    """Stretches of the journal, in order, each with who wrote it."""

    def __init__(self) -> None:
        self._stretches: deque[tuple[int, int, str]] = deque(maxlen=KEPT)

    def wrote(self, after: int, upto: int, name: str) -> None:
        """The changes after the number `after`, up to `upto`, are by `name`."""
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
        return next((name for after, upto, name in self._stretches if after < number <= upto), "")
