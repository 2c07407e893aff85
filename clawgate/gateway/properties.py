"""Dead properties (RFC 4918 section 4) and favourites, both kept by node id: they follow a node wherever it is moved, as tags
do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from ..errors import TooLarge
from ..settings import Dav
from ..state.properties import Name, Stored, StoredProperties
from .attached import Attached
from .tags import Tags
from .weighted import Weighted

__all__ = ["Name", "Properties"]

_NONE: Mapping[Name, str] = MappingProxyType({})
_ENTRY = 250
"""What one remembered value, or one person's favourites in a space, costs besides its text, roughly, bytes."""


class Properties:
    """What users attach to files and folders. `start` must have ended before anything else is asked."""

    def __init__(self, stored: StoredProperties, settings: Dav, tags: Tags | None = None) -> None:
        """`tags` go where a node goes as well; None: there are none."""
        self.tags = tags
        self._stored = stored
        self._longest = settings.property_bytes
        self._most = settings.property_count
        self._kept: Attached[Mapping[Name, str]] = Attached(
            settings.property_cache_bytes // 4 * 3,
            _NONE,
            lambda values: sum(_ENTRY + len(value) for value in values.values()),
        )
        self._with_favourites: set[str] = set()
        self._versions: Counter[str] = Counter()
        self._favourites: Weighted[tuple[str, str], tuple[int, frozenset[str]]] = Weighted(settings.property_cache_bytes // 4)

    async def start(self) -> None:
        """Learn which spaces have anything."""
        properties, favourites = await self._stored.spaces()
        self._kept.start(properties)
        self._with_favourites.update(favourites)
        if self.tags is not None:
            await self.tags.start()

    def any(self, space: str) -> bool:
        """Whether anybody has stored anything for a node of this space; if not, all answers are empty and cost nothing."""
        tagged = self.tags is not None and self.tags.any(space)
        return tagged or self._any_own(space)

    def version(self, space: str) -> int:
        """Grows with each change in the space."""
        tags = self.tags.version(space) if self.tags is not None else 0
        return self._kept.version(space) + self._versions.get(space, 0) + tags

    async def load(self, space: str, ids: Sequence[str]) -> Mapping[str, Mapping[Name, str]]:
        """The dead properties of those of `ids` that have any: XML text of whole elements by name."""
        return await self._kept.load(space, ids, self._stored.load)

    async def patch(self, space: str, id: str, set: Mapping[Name, str], remove: Sequence[Name]) -> None:
        """Remove, then set properties of a node, all or nothing; removing what is not there is no error (RFC 4918 14.23).

        Raises `TooLarge` for a value above ``dav.property_bytes``, `QuotaExceeded` for more than ``dav.property_count``.
        """
        for (_, local), value in set.items():
            if len(value) > self._longest or len(value.encode()) > self._longest:
                raise TooLarge(f"the value of the property {local} is longer than {self._longest} bytes")
        if not set and (not remove or not self._kept.any(space)):
            return
        self._changed(space, [id], await self._stored.patch(space, id, set, remove, self._most))

    async def copy(self, space: str, source_id: str, target_space: str, target_id: str) -> None:
        """Give a copied node the properties of its source, and no others (RFC 4918 9.8.2)."""
        if self._kept.any(space) or self._kept.any(target_space):
            stored = await self._stored.copy(space, source_id, target_space, target_id)
            self._changed(target_space, [target_id], stored)

    async def move(self, space: str, source_id: str, target_space: str, target_id: str) -> None:
        """Give what was moved to another space all that its source has, and nothing else. The source keeps it, until it is gone
        for certain and `forget` is called."""
        if self._any_own(space) or self._any_own(target_space):
            stored = await self._stored.copy(space, source_id, target_space, target_id, favourites=True)
            self._changed(target_space, [target_id], stored)
        if self.tags is not None:
            await self.tags.move(space, source_id, target_space, target_id)

    async def forget(self, space: str, ids: Collection[str]) -> None:
        """Drop everything about nodes that are gone for good."""
        if ids and self.any(space):
            self._changed(space, ids, await self._stored.forget(space, ids))
            if self.tags is not None:
                await self.tags.forget(space, ids)

    async def forget_space(self, space: str) -> None:
        """Drop everything of a space that is no more."""
        if self.any(space):
            await self._stored.forget_space(space)
            self._changed(space, (), Stored(properties=False, favourites=False))
            if self.tags is not None:
                await self.tags.forget_space(space)

    async def favourites(self, user: str, space: str, ids: Collection[str]) -> frozenset[str]:
        """Those of `ids` that `user` has marked as favourites."""
        if space not in self._with_favourites:
            return frozenset()
        return (await self.all_favourites(user, space)).intersection(ids)

    async def all_favourites(self, user: str, space: str) -> frozenset[str]:
        """The ids of all nodes of the space that `user` has marked; some may not exist any more."""
        if space not in self._with_favourites:
            return frozenset()
        version = self._versions[space]
        known = self._favourites.get((user, space))
        if known is not None and known[0] == version:
            return known[1]
        found = await self._stored.favourites(user, space)
        if version == self._versions[space]:
            self._favourites.put((user, space), (version, found), _ENTRY + 100 * len(found))
        return found

    async def set_favourite(self, user: str, space: str, id: str, on: bool) -> None:
        """Mark a node as a favourite of `user`, or take the mark away."""
        if on or space in self._with_favourites:
            self._changed(space, (), await self._stored.set_favourite(user, space, id, on))

    def _any_own(self, space: str) -> bool:
        return self._kept.any(space) or space in self._with_favourites

    def _changed(self, space: str, ids: Collection[str], stored: Stored) -> None:
        self._kept.changed(space, ids, stored.properties)
        self._versions[space] += 1
        if stored.favourites:
            self._with_favourites.add(space)
        else:
            self._with_favourites.discard(space)
