"""The opened storages of spaces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..interfaces import Storage
from ..model.space import Space
from ..mutex import Mutex


class Storages:
    """Opens the storage of a space when it is first needed and keeps it."""

    def __init__(self, build: Callable[[Space], Awaitable[Storage]]) -> None:
        """`build` puts the driver and its wrappers together."""
        self._build = build
        self._open: dict[str, tuple[Space, Storage]] = {}
        self._lock = Mutex()

    async def of(self, space: Space) -> Storage:
        """The storage of `space`; opened anew if the space now has another root."""
        known = self._open.get(space.id)
        if known is not None and known[0].root == space.root:
            return known[1]
        async with self._lock:
            known = self._open.get(space.id)
            if known is None or known[0].root != space.root:
                known = self._open[space.id] = (space, await self._build(space))
        return known[1]

    def opened(self) -> list[tuple[Space, Storage]]:
        """All that are open now."""
        return list(self._open.values())
