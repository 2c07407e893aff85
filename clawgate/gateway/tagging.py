"""What people do with tags: who may, and which there are for whom."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import AlreadyExists, Forbidden, NotFound
from ..model.node import Node
from ..model.path import ROOT
from ..model.people import Actor
from ..model.permissions import Permissions
from ..model.space import Place
from .locks import Locks
from .namespace import Namespace
from .tags import Tags, checked
from .tree import Tree

NUMBERED = 10_000
"""Tags in use that one person is told the numbers of: each of these is a row of the state."""


class Tagging:
    """Who may write to something may tag it; who may see it sees its tags.

    By numbers people see the tags of their spaces and those that they have made; of others they learn nothing.
    """

    def __init__(self, namespace: Namespace, tree: Tree, tags: Tags, locks: Locks) -> None:
        self._namespace = namespace
        self._tree = tree
        self._tags = tags
        self._locks = locks

    async def all(self, actor: Actor) -> list[str]:
        """All tags in use in the actor's spaces, sorted."""
        return await self._tags.names(await self._spaces(actor))

    async def of(self, actor: Actor, id: str) -> tuple[str, ...]:
        """The tags of a file or folder by its id, sorted. Raises `NotFound`."""
        place, node = await self._item(actor, id)
        return (await self._tags.load(place.space.id, [node.id])).get(node.id, ())

    async def check(self, actor: Actor, id: str) -> None:
        """Raise `NotFound`, `Forbidden` or `Locked` unless the actor may tag something."""
        await self._writable(actor, id)

    async def assign(self, actor: Actor, id: str, names: Collection[str]) -> None:
        """Tag something. Raises `NotFound`, `Forbidden`, `Locked`, `InvalidRequest`, `QuotaExceeded`."""
        space, node = await self._writable(actor, id)
        await self._tags.add(space, node, names)

    async def unassign(self, actor: Actor, id: str, names: Collection[str]) -> None:
        """Take tags from something. Raises as `assign`."""
        space, node = await self._writable(actor, id)
        await self._tags.remove(space, node, names)

    # by numbers

    async def numbered(self, actor: Actor) -> dict[str, int]:
        """The number of each tag that the actor sees, of those in use the first `NUMBERED` by name."""
        only = bool(actor.scope.space)
        used = (await self.all(actor))[:NUMBERED]
        found = await self._tags.numbered(actor.id, used, all=not only)
        return {name: found[name] for name in used} if only else found

    async def name(self, actor: Actor, number: int) -> str:
        """What the actor knows by a number. Raises `NotFound`."""
        name = await self._tags.by_number(actor.id, number)
        if name is None or (actor.scope.space and name not in await self.all(actor)):
            raise NotFound(f"there is no tag with the number {number}")
        return name

    async def keep(self, actor: Actor, number: int) -> None:
        """As `Tags.keep`."""
        await self._tags.keep(actor.id, number)

    async def make(self, actor: Actor, name: str) -> int:
        """Make a tag that nothing has; its number. Raises `AlreadyExists`, `Forbidden`, `InvalidRequest`, `QuotaExceeded`."""
        if actor.scope.read_only or actor.scope.space:
            raise Forbidden("with these credentials no tags can be made")
        await self._need_new(actor, name)
        return await self._tags.make(actor.id, name)

    async def rename(self, actor: Actor, number: int, new: str | None) -> None:
        """All that has the tag in the actor's spaces has `new` from now on; None: nothing, and the tag is gone. Whoever was
        interrupted can do it again.

        Raises `NotFound`, `AlreadyExists`, `InvalidRequest`, and `Forbidden` or `Locked` if there is something among it that the
        actor may not tag.
        """
        if actor.scope.read_only or actor.scope.space:
            raise Forbidden("with these credentials no tags can be changed")
        name = await self.name(actor, number)
        if new is not None:
            [new] = checked([new])
            if new == name:
                return
            if not await self._tags.is_coming(actor.id, new):
                await self._need_new(actor, new)
        spaces = await self._spaces(actor)
        for space in spaces:
            root = await self._namespace.in_space(actor, space, ROOT)
            async for page in self._tags.tagged_pages(space, name):
                for id in page:
                    try:
                        place = await self._tree.find(root, id)
                    except NotFound:
                        # Tags outlive what somebody else removed, and wait for what is in the trash.
                        place = root
                    await self._need_write(actor, place)
        await self._tags.rename(actor.id, number, name, new, spaces)

    async def _need_new(self, actor: Actor, name: str) -> None:
        [name] = checked([name])
        if name in await self.numbered(actor):
            raise AlreadyExists(f"there is a tag {name!r} already")

    async def _spaces(self, actor: Actor) -> list[str]:
        return [space.id for space in await self._namespace.spaces(actor)]

    async def _item(self, actor: Actor, id: str) -> tuple[Place, Node]:
        space, mark, _ = id.partition("!")
        place = await self._namespace.in_space(actor, space, ROOT)
        if mark:
            place = await self._tree.find(place, id)
        return place, await self._tree.stat(place)

    async def _writable(self, actor: Actor, id: str) -> tuple[str, str]:
        """The ids of space and node."""
        place, node = await self._item(actor, id)
        await self._need_write(actor, place)
        return place.space.id, node.id

    async def _need_write(self, actor: Actor, place: Place) -> None:
        if Permissions.WRITE not in await self._tree.permitted(place):
            raise Forbidden("you have no permission to tag this")
        self._locks.check(actor.id, place.space.id, place.path, ())
