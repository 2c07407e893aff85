"""What people do with former content of their files. It does not count in the quota of the space."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Forbidden, NotFound
from ..interfaces import Reader, Version
from ..interfaces import Versions as Ability
from ..model.node import Node
from ..model.people import Actor
from ..model.permissions import Permissions
from ..model.space import Place
from .locks import Locks
from .quota import Quotas
from .storages import Storages

Tokens = frozenset[str]


class Versions:
    """The former content of files in all spaces."""

    def __init__(self, storages: Storages, locks: Locks, quotas: Quotas) -> None:
        self._storages = storages
        self._locks = locks
        self._quotas = quotas

    async def list(self, place: Place) -> Sequence[Version]:
        """The versions of a file, the newest first; none where the storage keeps none. Raises `NotFound`, `IsAFolder`."""
        self._need(place, Permissions.READ)
        ability = (await self._storages.of(place.space)).abilities.versions
        return () if ability is None else await ability.list(place.path)

    async def open(self, place: Place, key: str) -> Reader:
        """Open one. Raises `NotFound`."""
        self._need(place, Permissions.READ)
        return await (await self._ability(place)).read(place.path, key)

    async def restore(self, actor: Actor, place: Place, key: str, *, tokens: Tokens) -> Node:
        """Make one the present content; what was present becomes a version. Raises `NotFound`, `Forbidden`, `Locked`,
        `QuotaExceeded`."""
        self._need(place, Permissions.WRITE)
        ability = await self._ability(place)
        storage = await self._storages.of(place.space)
        there = await storage.stat(place.path)
        self._locks.check(actor.id, place.space.id, place.path, tokens)
        version = next((one for one in await ability.list(place.path) if one.key == key), None)
        if version is None:
            raise NotFound("there is no such version")
        left = await self._quotas.left(place.space, storage, there.size)
        with self._quotas.claim(place.space, left, version.size):
            return await ability.restore(place.path, key)

    async def _ability(self, place: Place) -> Ability:
        ability = (await self._storages.of(place.space)).abilities.versions
        if ability is None:
            raise NotFound("this space keeps no versions")
        return ability

    def _need(self, place: Place, permissions: Permissions) -> None:
        if permissions not in place.permissions:
            raise Forbidden("you have no permission to do this here")
