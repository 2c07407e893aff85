"""Tags of files and folders: everybody in a space sees them, and who may write to something may tag it. They are kept by node id,
so they follow a node wherever it is moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ..errors import InvalidRequest
from ..settings import Dav
from ..state.tags import StoredTags
from .weighted import Weighted

_ENTRY = 250
"""What one remembered node costs besides its tags, roughly, bytes."""
NAME_LETTERS = 100
"""Of one tag; ownCloud Web is told so."""


class Tags:
    """Of all spaces. `start` must have ended before anything else is asked."""

    def __init__(self, stored: StoredTags, settings: Dav) -> None:
        self._stored = stored
        self._most = settings.tag_count
        self._with_tags: set[str] = set()
        self._versions: Counter[str] = Counter()
        self._known: Weighted[tuple[str, str], tuple[str, ...]] = Weighted(settings.tag_cache_bytes)

    async def start(self) -> None:
        """Learn which spaces have anything."""
        self._with_tags.update(await self._stored.spaces())

    def any(self, space: str) -> bool:
        """Whether anything in the space is tagged; if not, all answers are empty and cost nothing."""
        return space in self._with_tags

    def version(self, space: str) -> int:
        """Grows with each change in the space."""
        return self._versions.get(space, 0)

    async def load(self, space: str, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The tags of those of `ids` that have any, sorted."""
        if space not in self._with_tags:
            return {}
        found: dict[str, tuple[str, ...]] = {}
        unknown = []
        for id in ids:
            known = self._known.get((space, id))
            if known is None:
                unknown.append(id)
            elif known:
                found[id] = known
        if unknown:
            version = self._versions[space]
            fresh = await self._stored.load(space, unknown)
            found.update(fresh)
            # What was changed meanwhile is not to be remembered in its old form.
            if version == self._versions[space]:
                for id in unknown:
                    names = fresh.get(id, ())
                    self._known.put((space, id), names, _ENTRY + sum(100 + len(name) for name in names))
        return found

    async def names(self, spaces: Iterable[str]) -> list[str]:
        """All tags in use in these spaces, sorted."""
        found: set[str] = set()
        for space in spaces:
            if space in self._with_tags:
                found |= await self._stored.names(space)
        return sorted(found)

    async def tagged(self, space: str, name: str) -> frozenset[str]:
        """Ids of all nodes of the space with this tag; some may not exist any more."""
        return await self._stored.tagged(space, name) if space in self._with_tags else frozenset()

    async def matching(self, space: str, matches: Callable[[str], bool]) -> frozenset[str]:
        """Ids of all nodes of the space with a tag that `matches`, which is called in a thread; as `tagged`."""
        return await self._stored.matching(space, matches) if space in self._with_tags else frozenset()

    async def add(self, space: str, id: str, names: Collection[str]) -> None:
        """Give a node tags besides those it has. Raises `InvalidRequest`, `QuotaExceeded` for more than ``dav.tag_count``."""
        await self._change(space, id, checked(names), ())

    async def remove(self, space: str, id: str, names: Collection[str]) -> None:
        """Take tags from a node; those that it does not have are no error."""
        if space in self._with_tags:
            await self._change(space, id, (), [name.strip() for name in names if name.isprintable()])

    async def replace(self, space: str, id: str, names: Collection[str]) -> None:
        """From now on a node has these tags. Errors as `add`."""
        if names or space in self._with_tags:
            await self._change(space, id, checked(names), None)

    async def forget(self, space: str, ids: Collection[str]) -> None:
        """Drop all tags of nodes that are gone for good."""
        if ids and space in self._with_tags:
            self._changed(space, ids, await self._stored.forget(space, ids))

    async def forget_space(self, space: str) -> None:
        """Drop all tags of a space that is no more."""
        if space in self._with_tags:
            await self._stored.forget_space(space)
            self._changed(space, (), False)

    async def _change(self, space: str, id: str, add: Collection[str], remove: Collection[str] | None) -> None:
        self._changed(space, [id], await self._stored.change(space, id, add, remove, self._most))

    def _changed(self, space: str, ids: Collection[str], there: bool) -> None:
        self._versions[space] += 1
        for id in ids:
            self._known.drop((space, id))
        if there:
            self._with_tags.add(space)
        else:
            self._with_tags.discard(space)


def checked(names: Collection[str]) -> list[str]:
    """Tags as they are kept. Raises `InvalidRequest` for what cannot be one: clients write several with commas between them."""
    found = list(dict.fromkeys(name.strip() for name in names))
    for name in found:
        if not name or len(name) > NAME_LETTERS or "," in name or not name.isprintable():
            raise InvalidRequest(f"a tag has 1 to {NAME_LETTERS} letters, and no commas")
    return found


def split(text: str) -> list[str]:
    """The tags in a text with commas between them."""
    return [name for name in map(str.strip, text.split(",")) if name]
