"""Tags of files and folders in spaces."""

from __future__ import annotations

from ...errors import Forbidden, NotFound
from ...gateway.locks import Locks
from ...gateway.namespace import Namespace
from ...gateway.spaces import Spaces
from ...gateway.tags import Tags
from ...gateway.tree import Tree
from ...model.people import Actor
from ...model.permissions import Permissions
from ...web.request import Request
from . import bodies


class Tagging:
    """Who may write to something may tag it; who may see it sees its tags."""

    def __init__(self, namespace: Namespace, spaces: Spaces, tree: Tree, tags: Tags, locks: Locks) -> None:
        self._namespace = namespace
        self._spaces = spaces
        self._tree = tree
        self._tags = tags
        self._locks = locks

    async def all(self, actor: Actor) -> list[str]:
        """All tags in use in the actor's spaces, sorted."""
        return await self._tags.names([space.id for space in await self._namespace.spaces(actor)])

    async def assign(self, actor: Actor, request: Request) -> None:
        """Tag something. Raises `NotFound`, `Forbidden`, `InvalidRequest`, `QuotaExceeded`."""
        space, node, names = await self._asked(actor, request)
        await self._tags.add(space, node, names)

    async def unassign(self, actor: Actor, request: Request) -> None:
        """Take tags from something. Raises as `assign`."""
        space, node, names = await self._asked(actor, request)
        await self._tags.remove(space, node, names)

    async def _asked(self, actor: Actor, request: Request) -> tuple[str, str, list[str]]:
        """The ids of space and node, and the tags that are asked for."""
        id, names = bodies.tags(bodies.read(request))
        space = id.partition("!")[0]
        if not space:
            raise NotFound("there is no such item")
        place, node = await self._spaces.item(actor, space, id)
        if Permissions.WRITE not in await self._tree.permitted(place):
            raise Forbidden("you have no permission to tag this")
        self._locks.check(actor.id, space, place.path, ())
        return space, node.id, names
