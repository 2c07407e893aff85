"""What a person gets to see of what is known of a tree."""

from __future__ import annotations

import attrs

from ..errors import Forbidden, NotAFolder, NotFound
from ..model.node import Node
from ..model.path import Path, parent
from ..model.permissions import Permissions
from ..model.space import Place
from .tree import Tree


class Seeing:
    """For one request. Where all that is known may be known from others, it is what a listing by this person would show."""

    def __init__(self, tree: Tree, place: Place) -> None:
        """`place` is the person's, in the space in question."""
        self._tree = tree
        self._place = place
        self._folders: dict[Path, bool] = {}

    async def shows(self, path: Path) -> bool:
        """Whether the person may list the folder that holds `path`."""
        folder = parent(path)
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = await self._lists(folder)
        return known

    async def node(self, path: Path) -> Node | None:
        """What the storage says is at `path`. Raises `NotFound`; None: it is not for this person."""
        if not await self.shows(path):
            return None
        try:
            return await self._tree.stat(self.at(path))
        except Forbidden:
            return None

    def at(self, path: Path) -> Place:
        """A path in the same space."""
        return attrs.evolve(self._place, path=path)

    async def _lists(self, folder: Path) -> bool:
        if (await self._tree.abilities(self._place.space)).rights is None:
            return Permissions.READ in self._place.permissions
        try:
            return Permissions.READ in await self._tree.permitted(self.at(folder))
        except (NotFound, NotAFolder, Forbidden):
            return False
