"""What front ends do to files: every rule in one place, in one order.

Permission, lock, guard (the client's conditions), quota; then the storage; then what hangs on the node: its locks and properties.
All of it before the first byte of a body is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from ..errors import (
    ClawgateError,
    Forbidden,
    InvalidRequest,
    IsAFolder,
    NotFound,
    NotSupported,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
)
from ..interfaces import Abilities, Body, Listing, Reader, Room, Storage
from ..model.content import Intent, Target, Written
from ..model.node import Node
from ..model.path import Path, check_new_name, is_within, name, parent
from ..model.people import Actor
from ..model.permissions import Permissions
from ..model.space import Place, Space
from ..workers import Workers
from .locks import Locks
from .properties import Properties
from .quota import Quotas, limited
from .storages import Storages
from .transfer import transfer, twins

Guard = Callable[[Node | None], None]
"""Called with the node that is there now (None: nothing); raises `PreconditionFailed` or whatever forbids the change."""

Tokens = frozenset[str]
"""Lock tokens that the client submitted."""


class Tree:
    """The files of all spaces."""

    def __init__(
        self,
        storages: Storages,
        locks: Locks,
        properties: Properties,
        quotas: Quotas,
        compute: Mapping[str, tuple[str, ...]],
        brief: Workers | None = None,
    ) -> None:
        """`compute` names, for each mount, the checksums that are computed for every upload. `brief` is for work of a
        millisecond; None: it is done at once."""
        self.brief = brief
        self._storages = storages
        self._locks = locks
        self._properties = properties
        self._quotas = quotas
        self._compute = compute

    async def abilities(self, space: Space) -> Abilities:
        """What the storage of a space can do."""
        return (await self._storages.of(space)).abilities

    def computed(self, space: Space) -> tuple[str, ...]:
        """The checksums that are computed for every upload to a space."""
        return self._compute.get(space.mount, ())

    async def stat(self, place: Place) -> Node:
        """The node at a place. Raises `NotFound`."""
        self._need(place, Permissions.READ)
        return await (await self._storages.of(place.space)).stat(place.path)

    async def list(self, place: Place) -> Listing:
        """A folder with its children. Raises `NotFound`, `NotAFolder`."""
        self._need(place, Permissions.READ)
        return await (await self._storages.of(place.space)).list(place.path)

    async def open(self, place: Place) -> Reader:
        """Open a file. Raises `NotFound`, `IsAFolder`."""
        self._need(place, Permissions.READ)
        return await (await self._storages.of(place.space)).read(place.path)

    async def find(self, place: Place, id: str) -> Place:
        """Where in the space of `place` the node with this full id is now. Raises `NotFound`, `NotSupported`."""
        self._need(place, Permissions.READ)
        ability = (await self._storages.of(place.space)).abilities.find
        if ability is None:
            raise NotSupported("this storage does not know where the node with an id is")
        return attrs.evolve(place, path=await ability.find(id))

    async def permitted(self, place: Place) -> Permissions:
        """What may be done with the node at a place: what the mount grants, as far as the storage lets the actor. Raises
        `Forbidden`; where nothing is, nothing may be done."""
        ability = (await self._storages.of(place.space)).abilities.rights
        if ability is None:
            return place.permissions
        return place.permissions & ((await ability.rights(place.path, ("",))).get("", Permissions.NONE) | Permissions.SHARE)

    async def shown(self, place: Place) -> Permissions:
        """`permitted` after something was done there, which is no less done if this fails: then nothing is promised."""
        try:
            return await self.permitted(place)
        except ClawgateError:
            return Permissions.NONE

    async def permitted_in(self, folder: Place, names: Sequence[str]) -> Mapping[str, Permissions] | None:
        """The same for children of a folder; None: what the mount grants counts for all. What vanished is left out."""
        ability = (await self._storages.of(folder.space)).abilities.rights
        if ability is None:
            return None
        found = await ability.rights(folder.path, names)
        return {name: folder.permissions & (rights | Permissions.SHARE) for name, rights in found.items()}

    async def room(self, place: Place) -> Room:
        """Bytes used in the space and bytes that still fit."""
        return await self._quotas.room(place.space, await self._storages.of(place.space))

    async def put(
        self, actor: Actor, place: Place, body: Body, intent: Intent, *, tokens: Tokens, guard: Guard | None = None
    ) -> Written:
        """Write a file. Raises what `Storage.write` raises, `Forbidden`, `Locked`, `QuotaExceeded` and what `guard` raises."""
        storage = await self._storages.of(place.space)
        intent, replaced = await self.admit(actor, place, storage, intent, tokens, guard)
        left = await self._quotas.left(place.space, storage, replaced)
        with self._quotas.claim(place.space, left, intent.size):
            return await storage.write(place.path, body if left is None else limited(body, left), intent)

    async def admit(
        self, actor: Actor, place: Place, storage: Storage, intent: Intent, tokens: Tokens, guard: Guard | None
    ) -> tuple[Intent, int]:
        """Whether a file may be written here, as far as that can be told before its content is known. The quota is not asked.

        Returns the intent with what must still be there when it is published, and how many bytes are freed by replacing that.
        """
        space = place.space
        if not place.path:
            raise IsAFolder("the root of a space cannot be overwritten")
        whole = Permissions.WRITE | Permissions.CREATE
        quota = space.quota is not None
        there: Node | None = None
        odd = "\\" in place.path
        if guard or quota or odd or place.permissions & whole != whole or self._locks.any(space.id):
            there = await _stat(storage, place.path)
            self._need(place, Permissions.CREATE if there is None else Permissions.WRITE)
            if there is None:
                check_new_name(name(place.path))
            self._locks.check(actor.id, space.id, place.path, tokens, member=there is None)
        if guard is not None:
            guard(there)
            intent = attrs.evolve(intent, expected=Target.NOTHING if there is None else there.seen)
        if compute := self.computed(space):
            intent = attrs.evolve(intent, compute=compute)
        return intent, there.size if there is not None and not there.is_folder else 0

    async def make_folder(self, actor: Actor, place: Place, *, tokens: Tokens, guard: Guard | None = None) -> Node:
        """Make a folder. Raises `AlreadyExists`, `ParentMissing`, `Forbidden`, `Locked`."""
        storage = await self._storages.of(place.space)
        self._need(place, Permissions.CREATE)
        self._locks.check(actor.id, place.space.id, place.path, tokens, member=True)
        if guard is not None:
            guard(await _stat(storage, place.path))
        check_new_name(name(place.path))
        return await storage.make_folder(place.path)

    async def remove(self, actor: Actor, place: Place, *, tokens: Tokens, guard: Guard | None = None) -> None:
        """Remove a file or a whole folder. Raises `NotFound`, `Forbidden`, `Locked`."""
        storage = await self._storages.of(place.space)
        self._need(place, Permissions.DELETE)
        if not place.path:
            raise Forbidden("the root of a space cannot be removed")
        there = await storage.stat(place.path)
        self._locks.check(actor.id, place.space.id, place.path, tokens, deep=True, member=True)
        if guard is not None:
            guard(there)
        if await _discarded(storage, place.path):
            # What hangs on it by its id waits for it; locks are gone (RFC 4918 section 9.6).
            await self._locks.forget(place.space.id, place.path)
            return
        await storage.remove(place.path)
        await self._forget(place, there)

    async def move(
        self, actor: Actor, source: Place, target: Place, *, replace: bool, tokens: Tokens, guard: Guard | None = None
    ) -> Written:
        """Rename or move, also into another space. `guard` judges the source.

        Raises `NotFound`, `ParentMissing`, `PreconditionFailed` (something is there and not `replace`), `InvalidRequest` (into
        itself), `Forbidden`, `Locked`.
        """
        storage = await self._storages.of(source.space)
        self._need(source, Permissions.MOVE | Permissions.DELETE)
        there = await storage.stat(source.path)
        if guard is not None:
            guard(there)
        self._locks.check(actor.id, source.space.id, source.path, tokens, deep=True, member=True)
        old = await self._admit_target(actor, source, target, replace, tokens)
        if source.space.id == target.space.id:
            node = await storage.move(source.path, target.path, replace=replace)
            await self._forget_replaced(storage, target, old, node)
            await self._locks.forget(source.space.id, source.path)
        else:
            other = await self._storages.of(target.space)
            if Permissions.DELETE not in await self.permitted(source):
                raise Forbidden("what is to be moved to another space cannot be removed from this one")
            node = await self._carry(storage, source, other, target, old, deep=True, moved=True)
            try:
                await storage.remove(source.path)
            except Forbidden:
                if old is None:
                    if self._properties.any(target.space.id):
                        # Or those who see the other space would see tags that are on nothing there.
                        async for _, id in twins(storage, source.path, other, target.path):
                            await self._properties.forget(target.space.id, [id])
                    await other.remove(target.path)
                raise
            await self._forget(source, there)
        return Written(node, old is not None)

    async def copy(
        self,
        actor: Actor,
        source: Place,
        target: Place,
        *,
        replace: bool,
        deep: bool,
        tokens: Tokens,
        guard: Guard | None = None,
    ) -> Written:
        """Copy a file or folder (`deep`: with all below), with its dead properties. Errors as `move`, and `QuotaExceeded`."""
        self._need(source, Permissions.READ)
        storage = await self._storages.of(source.space)
        there = await storage.stat(source.path)
        if guard is not None:
            guard(there)
        old = await self._admit_target(actor, source, target, replace, tokens)
        other = await self._storages.of(target.space)
        size = there.size if deep or not there.is_folder else 0
        left = await self._quotas.left(target.space, other, old.size if old else 0)
        with self._quotas.claim(target.space, left, size):
            if storage is other and storage.abilities.copy is not None:
                node = await storage.abilities.copy.copy(source.path, target.path, replace=replace, deep=deep)
                await self._forget_replaced(storage, target, old, node)
                await self._copy_properties(storage, source, other, target)
            else:
                node = await self._carry(storage, source, other, target, old, deep=deep)
        return Written(node, old is not None)

    async def touch(self, actor: Actor, place: Place, mtime_ns: int, *, tokens: Tokens, guard: Guard | None = None) -> Node:
        """Set the modification time. Raises `NotFound`, `Forbidden`, `Locked`."""
        storage = await self._storages.of(place.space)
        self._need(place, Permissions.WRITE)
        self._locks.check(actor.id, place.space.id, place.path, tokens)
        if guard is not None:
            guard(await storage.stat(place.path))
        if storage.abilities.times is None:
            raise Forbidden("this storage keeps its own times")
        return await storage.abilities.times.touch(place.path, mtime_ns)

    def _need(self, place: Place, permissions: Permissions) -> None:
        if permissions not in place.permissions:
            raise Forbidden("you have no permission to do this here")

    async def _admit_target(self, actor: Actor, source: Place, target: Place, replace: bool, tokens: Tokens) -> Node | None:
        """What stands at the target of a move or copy, once it is sure that it may be replaced."""
        if source.space.id == target.space.id:
            if source.path == target.path:
                raise Forbidden("source and destination are the same")
            if is_within(target.path, source.path) or is_within(source.path, target.path):
                raise InvalidRequest("a folder can neither go into itself nor replace a folder that holds it")
        if not target.path:
            raise Forbidden("the root of a space cannot be replaced")
        other = await self._storages.of(target.space)
        old = await _stat(other, target.path)
        self._need(target, Permissions.CREATE if old is None else Permissions.CREATE | Permissions.DELETE)
        if old is not None and not replace:
            raise PreconditionFailed("something with this name is already there")
        if old is None:
            check_new_name(name(target.path))
            above = await _stat(other, parent(target.path))
            if above is None or not above.is_folder:
                raise ParentMissing("the folder of the destination does not exist")
        self._locks.check(actor.id, target.space.id, target.path, tokens, deep=old is not None, member=True)
        return old

    async def _carry(
        self,
        storage: Storage,
        source: Place,
        other: Storage,
        target: Place,
        old: Node | None,
        *,
        deep: bool,
        moved: bool = False,
    ) -> Node:
        """Copy by way of clawgate, where the storage cannot do it."""
        if old is not None and old.is_folder:
            if await _discarded(other, target.path):
                await self._locks.forget(target.space.id, target.path)
            else:
                await other.remove(target.path)
                await self._forget(target, old)
        node = await transfer(storage, source.path, other, target.path, deep=deep)
        await self._copy_properties(storage, source, other, target, moved=moved)
        return node

    async def _copy_properties(
        self, storage: Storage, source: Place, other: Storage, target: Place, *, moved: bool = False
    ) -> None:
        """What was `moved` takes along what people made of it too: tags and favourites."""
        if self._properties.any(source.space.id) or self._properties.any(target.space.id):
            pass_on = self._properties.move if moved else self._properties.copy
            async for from_id, to_id in twins(storage, source.path, other, target.path):
                await pass_on(source.space.id, from_id, target.space.id, to_id)

    async def _forget(self, place: Place, node: Node) -> None:
        await self._locks.forget(place.space.id, place.path)
        if self._properties.any(place.space.id):
            await self._properties.forget(place.space.id, [node.id])

    async def _forget_replaced(self, storage: Storage, place: Place, old: Node | None, new: Node) -> None:
        """Forget what hung on a node that another one took the place of; locks there stay (RFC 4918 section 7.6). What went into
        the trash keeps it."""
        if storage.abilities.trash is None and old is not None and old.id != new.id and self._properties.any(place.space.id):
            await self._properties.forget(place.space.id, [old.id])


async def _discarded(storage: Storage, path: Path) -> bool:
    """Put something into the trash; False: it can only be removed for good.

    That is also so where the disk is full or the person's quota used up: who removes something then needs the room.
    """
    if storage.abilities.trash is None:
        return False
    try:
        await storage.abilities.trash.discard(path)
    except (NotSupported, QuotaExceeded):
        return False
    return True


async def _stat(storage: Storage, path: Path) -> Node | None:
    try:
        return await storage.stat(path)
    except NotFound:
        return None
