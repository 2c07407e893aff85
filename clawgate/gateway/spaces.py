"""A person's spaces as clients show them: what their roots are, how full they are, what dresses them up."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Sequence

import attrs

from ..errors import NotAFolder, NotFound
from ..interfaces import Room
from ..model.made_space import MadeSpace, Standing
from ..model.node import Node
from ..model.path import ROOT, Path, join
from ..model.people import Actor
from ..model.space import Place, Space, SpaceKind
from ..workers import Workers
from .made_spaces import MadeSpaces
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
    made: MadeSpace | None = None
    """What is known of it if somebody made it."""

    @property
    def disabled(self) -> bool:
        """Whether nobody gets at its files."""
        return self.made is not None and self.made.standing is Standing.DISABLED

    @property
    def space(self) -> Space:
        """The space itself."""
        return self.root.space


class Spaces:
    """Looks at spaces."""

    def __init__(self, namespace: Namespace, tree: Tree, made: MadeSpaces, workers: Workers) -> None:
        """`workers` sort long lists."""
        self._namespace = namespace
        self._tree = tree
        self._made = made
        self._workers = workers
        self._special: OrderedDict[tuple[str, str], tuple[tuple[str, str, str], Sequence[Special]]] = OrderedDict()

    async def all(self, actor: Actor) -> list[Overview]:
        """All spaces of a person, the personal one first, and last those that are disabled and managed by the person. Never some
        of them: if one cannot be looked at, its error is raised, because clients remove what is missing from the list."""
        roots = [*await self._namespace.roots(actor), *await self._namespace.disabled(actor)]
        return [await self._look(actor, root) for root in roots]

    async def one(self, actor: Actor, id: str) -> Overview:
        """The space with this id. Raises `NotFound` for one that the person may not know of."""
        try:
            root = await self._namespace.in_space(actor, id, ROOT)
        except NotFound:
            disabled = await self._namespace.disabled(actor, id)
            if not disabled:
                raise
            root = disabled[0]
        return await self._look(actor, root)

    async def personal(self, actor: Actor) -> Overview:
        """The person's own. Raises `NotFound`."""
        return await self._look(actor, await self._namespace.home(actor, ROOT))

    async def home(self, actor: Actor) -> tuple[Place, Node]:
        """The root of the personal space. Raises `NotFound`."""
        place = await self._namespace.home(actor, ROOT)
        return place, await self._tree.stat(place)

    async def item(self, actor: Actor, space: str, id: str) -> tuple[Place, Node]:
        """The file or folder with an id in a space; the id of the space is its root's. Raises `NotFound`."""
        place = await self._namespace.in_space(actor, space, ROOT)
        if id != space:
            if not id.startswith(space + "!"):
                raise NotFound("there is no such item in this space")
            place = await self._tree.find(place, id)
        return place, await self._tree.stat(place)

    async def remove(self, actor: Actor, space: str, id: str) -> None:
        """Remove the file or folder with an id, into the trash where there is one. Errors as `item` and `Tree.remove`."""
        place, _ = await self.item(actor, space, id)
        await self._tree.remove(actor, place, tokens=frozenset())

    async def children(self, folder: Place, after: str, count: int) -> tuple[list[Node], bool]:
        """The first `count` of what is in a folder by name, of those that come after the name `after`, and whether there are
        more. Raises `NotFound`, `NotAFolder`."""
        found: list[Node] = []
        listing = await self._tree.list(folder)
        async for page in listing.pages:
            found = await self._workers.run(_first, found, page, after, count + 1)
        return found[:count], len(found) > count

    async def _look(self, actor: Actor, root: Place) -> Overview:
        node = await self._tree.stat(root)
        made = self._made.known.find(root.space.mount, root.space.id.partition("$")[2])
        return Overview(root, node, await self._tree.room(root), await self._dress(actor, root, node, made), made)

    async def _dress(self, actor: Actor, root: Place, node: Node, made: MadeSpace | None) -> Sequence[Special]:
        """Remembered for each person, who may be allowed to see other things; only projects are dressed up."""
        if root.space.kind is not SpaceKind.PROJECT:
            return ()
        key = (root.space.id, actor.id)
        chosen = {"image": made.image, "readme": made.readme} if made is not None else {}
        version = (node.etag, chosen.get("image", ""), chosen.get("readme", ""))
        known = self._special.get(key)
        if known is not None and known[0] == version:
            self._special.move_to_end(key)
            return known[1]
        by_role = {one.role: one for one in await self._inside(attrs.evolve(root, path=DRESS))}
        for role, id in chosen.items():
            if id and (one := await self._chosen(root, role, id)) is not None:
                by_role[role] = one
        found = [by_role[role] for role in sorted(by_role)]
        self._special[key] = (version, found)
        if len(self._special) > KEPT:
            self._special.popitem(last=False)
        return found

    async def _chosen(self, root: Place, role: str, id: str) -> Special | None:
        """The file with an id; None: it is not there any more."""
        try:
            place = await self._tree.find(root, id)
            node = await self._tree.stat(place)
        except NotFound:
            return None
        return None if node.is_folder else Special(role, place.path, node)

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


def _first(found: Sequence[Node], page: Sequence[Node], after: str, count: int) -> list[Node]:
    more = [node for node in page if node.name > after]
    return heapq.nsmallest(count, [*found, *more], key=lambda node: node.name)
