"""Where uploads lie whose owner is not there to be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..errors import Forbidden, NotFound
from ..model.path import ROOT
from ..model.people import Actor, User
from ..model.space import Space
from ..model.upload import Upload
from .namespace import Namespace
from .storages import Storages


class Whereabouts:
    """Finds spaces for the janitor and for operators."""

    def __init__(
        self,
        storages: Storages,
        namespace: Namespace,
        known: Callable[[str], Awaitable[User | None]],
        reach: Callable[[Space], Awaitable[Space | None]],
    ) -> None:
        """`known` tells who has an id; `reach` makes of a space that was never opened one that can be, without making anything on
        a disk; None: it is not there."""
        self._storages = storages
        self._namespace = namespace
        self._known = known
        self._reach = reach

    async def space(self, id: str) -> Space | None:
        """The space with this id, if it is open, or the rules alone tell where it is and it is there."""
        if (opened := self._opened(id)) is not None:
            return opened
        found = self._namespace.by_id(id)
        return await self._reach(found) if found is not None else None

    async def of(self, upload: Upload) -> Space | None:
        """The space of an upload; None: nobody can tell any more. Raises `StorageUnavailable` if somebody may later."""
        space = self._opened(upload.space)
        user = await self._known(upload.owner) if space is None else None
        if user is not None:
            try:
                return (await self._namespace.in_space(Actor(user), upload.space, ROOT)).space
            except (Forbidden, NotFound):
                # Not this person's any more, or a person of whom less is known than before.
                pass
        return space or await self.space(upload.space)

    def _opened(self, id: str) -> Space | None:
        return next((space for space, _ in self._storages.opened() if space.id == id), None)
