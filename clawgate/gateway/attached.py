"""What the state keeps of nodes by their ids, remembered for as long as there is room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from .weighted import Weighted

V = TypeVar("V", bound=Collection[object])

_ENTRY = 250
"""What one remembered node costs besides its value, roughly, bytes."""


class Attached(Generic[V]):
    """One kind of value of the nodes of all spaces; an empty one is none. To ask about spaces that have nothing costs nothing."""

    def __init__(self, bytes: int, nothing: V, weight: Callable[[V], int]) -> None:
        """`bytes` may be remembered; `weight` is what one value costs."""
        self._nothing = nothing
        self._weight = weight
        self._spaces: set[str] = set()
        self._versions: Counter[str] = Counter()
        self._known: Weighted[tuple[str, str], V] = Weighted(bytes)

    def start(self, spaces: Iterable[str]) -> None:
        """These spaces have something."""
        self._spaces.update(spaces)

    def any(self, space: str) -> bool:
        """Whether anything in the space has a value."""
        return space in self._spaces

    def version(self, space: str) -> int:
        """Grows with each change in the space."""
        return self._versions.get(space, 0)

    async def load(
        self, space: str, ids: Sequence[str], ask: Callable[[str, Sequence[str]], Awaitable[Mapping[str, V]]]
    ) -> Mapping[str, V]:
        """The values of those of `ids` that have any; `ask` is asked for those that are not remembered."""
        if space not in self._spaces:
            return {}
        found: dict[str, V] = {}
        unknown = []
        for id in ids:
            known = self._known.get((space, id))
            if known is None:
                unknown.append(id)
            elif known:
                found[id] = known
        if unknown:
            version = self._versions[space]
            fresh = await ask(space, unknown)
            found.update(fresh)
            # What was changed meanwhile is not to be remembered in its old form.
            if version == self._versions[space]:
                for id in unknown:
                    value = fresh.get(id, self._nothing)
                    self._known.put((space, id), value, _ENTRY + self._weight(value))
        return found

    def changed(self, space: str, ids: Collection[str], there: bool) -> None:
        """The values of these nodes are others now; `there`: something in the space has one."""
        self._versions[space] += 1
        for id in ids:
            self._known.drop((space, id))
        if there:
            self._spaces.add(space)
        else:
            self._spaces.discard(space)
