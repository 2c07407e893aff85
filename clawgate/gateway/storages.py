"""The opened storages of spaces."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

import attrs

from ..interfaces import Storage
from ..model.space import Persona, Space, SpaceKind
from ..mutex import Mutex

_Key = tuple[str, Persona | None]

OPENING = 32
"""So many spaces may be opened at the same time: where that takes a few calls over a network, hundreds of people would else wait
for each other after a start."""


class Storages:
    """Opens the storage of a space when it is first needed and keeps it.

    A space that several people work on as themselves has a storage for each of them, and one with which the gateway itself looks
    after it. Of these people's those that were not used for longest are let go when there are too many.
    """

    def __init__(self, build: Callable[[Space], Awaitable[Storage]], people: int = 1000) -> None:
        """`build` puts the driver and its wrappers together; `people` bounds the storages of persons on spaces of several."""
        self._build = build
        self._most = people
        self._open: dict[_Key, tuple[Space, Storage]] = {}
        self._people: OrderedDict[_Key, tuple[Space, Storage]] = OrderedDict()
        self._locks = [Mutex() for _ in range(OPENING)]
        self.used: Callable[[str], None] | None = None
        """Told the id of a space each time somebody asks for it."""

    async def of(self, space: Space) -> Storage:
        """The storage of `space`, for its persona if it has one; opened anew if it now has another root or owner."""
        if self.used is not None:
            self.used(space.id)
        shared = space.persona is not None and space.kind is SpaceKind.PROJECT
        key = (space.id, space.persona if shared else None)
        known = (self._people if shared else self._open).get(key)
        if known is not None and _same(known[0], space):
            if shared:
                self._people.move_to_end(key)
            return known[1]
        if not shared:
            return await self._opened(self._open, key, space)
        await self.of(attrs.evolve(space, persona=None))
        storage = await self._opened(self._people, key, space)
        while len(self._people) > self._most:
            self._people.popitem(last=False)
        return storage

    async def _opened(self, where: dict[_Key, tuple[Space, Storage]], key: _Key, space: Space) -> Storage:
        async with self._locks[hash(key) % OPENING]:
            known = where.get(key)
            if known is None or not _same(known[0], space):
                known = where[key] = (space, await self._build(space))
        return known[1]

    async def forget(self, id: str) -> None:
        """Let go of the storages of a space that is no more."""
        async with self._locks[hash((id, None)) % OPENING]:
            self._open.pop((id, None), None)
        for key in [key for key in self._people if key[0] == id]:
            del self._people[key]

    def has(self, id: str) -> bool:
        """Whether the space is open now."""
        return (id, None) in self._open

    def opened(self) -> list[tuple[Space, Storage]]:
        """All that are open now; of spaces of several people the gateway's own."""
        return list(self._open.values())

    def everyone(self) -> list[tuple[Space, Storage]]:
        """All that are open now, those of persons on spaces of several as well."""
        return [*self._open.values(), *self._people.values()]


def _same(known: Space, space: Space) -> bool:
    return known.root == space.root and known.persona == space.persona
