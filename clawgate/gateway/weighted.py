"""A bounded memory of values of different weight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Weighted(Generic[K, V]):
    """Keeps the values used last, as many as weigh no more than `limit` together."""

    def __init__(self, limit: int) -> None:
        self.weight = 0
        """Of everything that is kept."""
        self._limit = limit
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value, which counts as used now."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep `value`, unless it alone is too heavy; what was used longest ago has to go for it."""
        self.drop(key)
        if weight > self._limit:
            return
        self._values[key] = (value, weight)
        self.weight += weight
        while self.weight > self._limit:
            _, (_, lost) = self._values.popitem(last=False)
            self.weight -= lost

    def drop(self, key: K) -> None:
        """Forget the value."""
        found = self._values.pop(key, None)
        if found is not None:
            self.weight -= found[1]
