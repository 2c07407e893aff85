"""What people do with the trash of their spaces. Its content does not count in the quota of the space; what comes back does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from ..errors import ClawgateError, Forbidden, NotFound, NotSupported, ParentMissing, PreconditionFailed
from ..interfaces import Reader, Storage, Trashed
from ..interfaces import Trash as Ability
from ..model.content import Written
from ..model.node import Node
from ..model.path import Path, check_new_name, name, parent
from ..model.people import Actor
from ..model.permissions import Permissions
from ..model.space import Place
from .locks import Locks
from .properties import Properties
from .quota import Quotas
from .storages import Storages

Tokens = frozenset[str]


class Trash:
    """The trash of all spaces. Places are roots of spaces, but for where something shall come back."""

    def __init__(self, storages: Storages, locks: Locks, properties: Properties, quotas: Quotas) -> None:
        self._storages = storages
        self._locks = locks
        self._properties = properties
        self._quotas = quotas

    async def has(self, place: Place) -> bool:
        """Whether this space has one."""
        return (await self._storages.of(place.space)).abilities.trash is not None

    async def list(self, place: Place) -> AsyncIterator[Sequence[Trashed]]:
        """All that is in it, in pages. Raises `NotFound` if there is no trash."""
        ability = await self._ability(place)
        async for page in ability.list():
            yield page

    async def find(self, place: Place, key: str) -> Trashed:
        """One of these. Raises `NotFound`."""
        return await (await self._ability(place)).find(key)

    async def look(self, place: Place, key: str, path: Path) -> Node:
        """What lies within something there. Raises `NotFound`, `NotSupported`."""
        return await (await self._ability(place)).look(key, path)

    async def inside(self, place: Place, key: str, path: Path) -> Sequence[Node]:
        """The children of a folder there. Raises `NotFound`, `NotAFolder`, `NotSupported`."""
        return await (await self._ability(place)).inside(key, path)

    async def read(self, place: Place, key: str, path: Path) -> Reader:
        """Open a file there. Raises `NotFound`, `IsAFolder`, `NotSupported`."""
        return await (await self._ability(place)).read(key, path)

    async def restore(self, actor: Actor, place: Place, key: str, target: Place, *, replace: bool, tokens: Tokens) -> Written:
        """Bring something back to `target`, with its id, properties and versions.

        Raises `NotFound`, `ParentMissing`, `PreconditionFailed` (something is there and not `replace`), `Forbidden`, `Locked`,
        `QuotaExceeded`, `NotSupported` for a place in another space.
        """
        ability = await self._ability(place)
        if place.space.id != target.space.id:
            raise NotSupported("what was removed can only come back to the space that it was in")
        if not target.path:
            raise Forbidden("the root of a space cannot be replaced")
        storage = await self._storages.of(target.space)
        trashed = await ability.find(key)
        old = await _there(storage, target.path)
        self._need(target, Permissions.CREATE if old is None else Permissions.CREATE | Permissions.DELETE)
        if old is not None and not replace:
            raise PreconditionFailed("something with this name is already there")
        if old is None:
            if name(target.path) != trashed.node.name:
                check_new_name(name(target.path))
            above = await _there(storage, parent(target.path))
            if above is None or not above.is_folder:
                raise ParentMissing("the folder that it was in does not exist any more")
        self._locks.check(actor.id, target.space.id, target.path, tokens, deep=old is not None, member=True)
        left = await self._quotas.left(target.space, storage, old.size if old is not None else 0)
        with self._quotas.claim(target.space, left, trashed.node.size):
            node = await ability.restore(key, target.path, replace=replace)
        return Written(node, old is not None)

    async def purge(self, place: Place, key: str) -> None:
        """Remove something for good, with its properties. Raises `NotFound`, `Forbidden`."""
        self._need(place, Permissions.DELETE)
        ability = await self._ability(place)
        trashed = await ability.find(key)
        await ability.purge(key)
        await self._forget(place, trashed)

    async def empty(self, place: Place) -> None:
        """Remove all of it for good. Raises `Forbidden`, and the first failure once the rest is gone."""
        self._need(place, Permissions.DELETE)
        failure: ClawgateError | None = None
        async for page in self.list(place):
            for trashed in page:
                try:
                    await self.purge(place, trashed.key)
                except NotFound:
                    # Somebody else was quicker.
                    continue
                except ClawgateError as error:
                    failure = failure or error
        if failure is not None:
            raise failure

    async def _ability(self, place: Place) -> Ability:
        self._need(place, Permissions.READ)
        ability = (await self._storages.of(place.space)).abilities.trash
        if ability is None:
            raise NotFound("this space has no trash")
        return ability

    def _need(self, place: Place, permissions: Permissions) -> None:
        if permissions not in place.permissions:
            raise Forbidden("you have no permission to do this here")

    async def _forget(self, place: Place, trashed: Trashed) -> None:
        if trashed.node.id and self._properties.any(place.space.id):
            await self._properties.forget(place.space.id, [trashed.node.id])


async def _there(storage: Storage, path: Path) -> Node | None:
    try:
        return await storage.stat(path)
    except NotFound:
        return None
