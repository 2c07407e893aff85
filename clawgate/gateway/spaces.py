"""A person's spaces as clients show them: what their roots are, how full they are, what dresses them up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import attrs

from ..errors import NotAFolder, NotFound
from ..interfaces import Room
from ..model.node import Node
from ..model.path import ROOT, Path, join
from ..model.people import Actor
from ..model.space import Place, Space, SpaceKind
from .namespace import Namespace
from .tree import Tree

DRESS = Path(".space")
"""The folder in a project space that holds its picture and its description, where clients of oCIS put them."""
README = ("readme.md",)
IMAGES = ("image.png", "image.jpg", "image.jpeg", "image.gif", "image.svg", "space.png", "space.jpg", "space.jpeg")
"""Names in lower case, the best first."""
RANKS = {name: (role, rank) for role, names in (("image", IMAGES), ("readme", README)) for rank, name in enumerate(names)}
"""Role and rank of a name."""
KEPT = 1000
"""Spaces whose special files are remembered for as long as the etag of their roots stays."""


@attrs.frozen
class Special:
    """A file that dresses a space up."""

    role: str
    """``image`` or ``readme``, as LibreGraph's ``specialFolder.name``."""
    path: Path
    node: Node


@attrs.frozen
class Overview:
    """One space."""

    root: Place
    node: Node
    """The root."""
    room: Room
    special: Sequence[Special] = ()

    @property
    def space(self) -> Space:
        """The space itself."""
        return self.root.space


class Spaces:
    """Looks at spaces."""

    def __init__(self, namespace: Namespace, tree: Tree) -> None:
        self._namespace = namespace
        self._tree = tree
        self._special: OrderedDict[tuple[str, str], tuple[str, Sequence[Special]]] = OrderedDict()

    async def all(self, actor: Actor) -> list[Overview]:
        """All spaces of a person, the personal one first. Never some of them: if one cannot be looked at, its error is raised,
        because clients remove what is missing from the list."""
        return [await self._look(actor, root) for root in await self._namespace.roots(actor)]

    async def one(self, actor: Actor, id: str) -> Overview:
        """The space with this id. Raises `NotFound` for one that the person may not know of."""
        return await self._look(actor, await self._namespace.in_space(actor, id, ROOT))

    async def personal(self, actor: Actor) -> Overview:
        """The person's own. Raises `NotFound`."""
        return await self._look(actor, await self._namespace.home(actor, ROOT))

    async def item(self, actor: Actor, space: str, id: str) -> tuple[Place, Node]:
        """The file or folder with an id in a space; the id of the space is its root's. Raises `NotFound`."""
        place = await self._namespace.in_space(actor, space, ROOT)
        if id != space:
            if not id.startswith(space + "!"):
                raise NotFound("there is no such item in this space")
            place = await self._tree.find(place, id)
        return place, await self._tree.stat(place)

    async def _look(self, actor: Actor, root: Place) -> Overview:
        node = await self._tree.stat(root)
        return Overview(root, node, await self._tree.room(root), await self._dress(actor, root, node))

    async def _dress(self, actor: Actor, root: Place, node: Node) -> Sequence[Special]:
        """Remembered for each person, who may be allowed to see other things; only projects are dressed up."""
        if root.space.kind is not SpaceKind.PROJECT:
            return ()
        key = (root.space.id, actor.id)
        known = self._special.get(key)
        if known is not None and known[0] == node.etag:
            self._special.move_to_end(key)
            return known[1]
        found = await self._inside(attrs.evolve(root, path=DRESS))
        self._special[key] = (node.etag, found)
        if len(self._special) > KEPT:
            self._special.popitem(last=False)
        return found

    async def _inside(self, folder: Place) -> Sequence[Special]:
        """The best name of each role."""
        best: dict[str, tuple[int, Node]] = {}
        try:
            listing = await self._tree.list(folder)
            async for page in listing.pages:
                for node in page:
                    known = RANKS.get(node.name.casefold())
                    if known is not None and not node.is_folder and (known[0] not in best or known[1] < best[known[0]][0]):
                        best[known[0]] = (known[1], node)
        except (NotFound, NotAFolder):
            return ()
        return [Special(role, join(folder.path, node.name), node) for role, (_, node) in sorted(best.items())]
