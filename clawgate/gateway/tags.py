"""Tags of files and folders: everybody in a space sees them, and who may write to something may tag it. They are kept by node id,
so they follow a node wherever it is moved.

A tag is its name. Programs of ownCloud 10 and Nextcloud know tags by numbers, and tags that nothing has: these are each person's
own. So nobody learns by them what is in the spaces of others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence

from ..errors import InvalidRequest
from ..settings import Dav
from ..state.tag_numbers import StoredTagNumbers
from ..state.tags import StoredTags
from .attached import Attached

NAME_LETTERS = 100
"""Of one tag; ownCloud Web is told so."""
NUMBERS = 1000
"""Tags that one person can have made, or used by their numbers."""
PAGE = 1000
"""Nodes with a tag that are asked for at once."""


class Tags:
    """Of all spaces. `start` must have ended before anything else is asked."""

    def __init__(self, stored: StoredTags, numbers: StoredTagNumbers, settings: Dav) -> None:
        self._stored = stored
        self._numbers = numbers
        self._most = settings.tag_count
        self._kept: Attached[tuple[str, ...]] = Attached(
            settings.tag_cache_bytes, (), lambda names: sum(100 + len(name) for name in names)
        )

    async def start(self) -> None:
        """Learn which spaces have anything."""
        self._kept.start(await self._stored.spaces())

    def any(self, space: str) -> bool:
        """Whether anything in the space is tagged; if not, all answers are empty and cost nothing."""
        return self._kept.any(space)

    def version(self, space: str) -> int:
        """Grows with each change in the space."""
        return self._kept.version(space)

    async def load(self, space: str, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The tags of those of `ids` that have any, sorted."""
        return await self._kept.load(space, ids, self._stored.load)

    async def names(self, spaces: Iterable[str]) -> list[str]:
        """All tags in use in these spaces, sorted."""
        found: set[str] = set()
        for space in spaces:
            if self.any(space):
                found |= await self._stored.names(space)
        return sorted(found)

    async def tagged(self, space: str, name: str) -> frozenset[str]:
        """Ids of all nodes of the space with this tag; some may not exist any more."""
        return await self._stored.tagged(space, name) if self.any(space) else frozenset()

    async def tagged_pages(self, space: str, name: str) -> AsyncIterator[Sequence[str]]:
        """The same in pages, without what is tagged meanwhile."""
        after = ""
        while self.any(space) and (found := await self._stored.tagged_after(space, name, after, PAGE)):
            yield found
            after = found[-1]

    async def matching(self, space: str, matches: Callable[[str], bool]) -> frozenset[str]:
        """Ids of all nodes of the space with a tag that `matches`, which is called in a thread; as `tagged`."""
        return await self._stored.matching(space, matches) if self.any(space) else frozenset()

    async def add(self, space: str, id: str, names: Collection[str]) -> None:
        """Give a node tags besides those it has. Raises `InvalidRequest`, `QuotaExceeded` for more than ``dav.tag_count``."""
        await self._change(space, id, checked(names), ())

    async def remove(self, space: str, id: str, names: Collection[str]) -> None:
        """Take tags from a node; those that it does not have are no error."""
        if self.any(space):
            await self._change(space, id, (), [name.strip() for name in names if name.isprintable()])

    async def replace(self, space: str, id: str, names: Collection[str]) -> None:
        """From now on a node has these tags. Errors as `add`."""
        if names or self.any(space):
            await self._change(space, id, checked(names), None)

    async def move(self, space: str, source_id: str, target_space: str, target_id: str) -> None:
        """Give what was moved to another space the tags of its source, and no others."""
        if self.any(space) or self.any(target_space):
            there = await self._stored.copy(space, source_id, target_space, target_id)
            self._kept.changed(target_space, [target_id], there)

    async def numbered(self, user: str, used: Collection[str], *, all: bool = True) -> dict[str, int]:
        """The numbers by which a person knows tags: those of `used`, and of what the person has made. `all`: there are no other
        tags, so that numbers of others can be given up when they become too many."""
        return await self._numbers.listed(user, used, NUMBERS if all else None)

    async def by_number(self, user: str, number: int) -> str | None:
        """The tag that a person knows by this number."""
        return await self._numbers.find(user, number)

    async def keep(self, user: str, number: int) -> None:
        """A person works with a tag by its number, which stays although nothing may have it any more."""
        await self._numbers.keep(user, number, NUMBERS)

    async def make(self, user: str, name: str) -> int:
        """The number of a tag that nothing need have. Raises `InvalidRequest`, `QuotaExceeded`."""
        [name] = checked([name])
        return await self._numbers.make(user, name, NUMBERS)

    async def is_coming(self, user: str, name: str) -> bool:
        """Whether a person has begun to call a tag so, and something has ended that before it was done."""
        return await self._numbers.is_coming(user, name)

    async def rename(self, user: str, number: int, name: str, new: str | None, spaces: Iterable[str]) -> None:
        """All that has the tag `name` in these spaces has `new` from now on, and a person's number stands for that; None: nothing
        has it any more, and it has no number. Raises `InvalidRequest`.

        Some nodes at a time, the number at last: whoever is interrupted finds some with the one and some with the other name, and
        does it again.
        """
        if new is not None:
            [new] = checked([new])
            if new == name:
                return
            await self._numbers.begin(user, number, new)
        for space in spaces:
            while self.any(space):
                ids, there = await self._stored.rename(space, name, new)
                if not ids:
                    break
                self._kept.changed(space, ids, there)
        await self._numbers.end(user, number, new)

    async def forget(self, space: str, ids: Collection[str]) -> None:
        """Drop all tags of nodes that are gone for good."""
        if ids and self.any(space):
            self._kept.changed(space, ids, await self._stored.forget(space, ids))

    async def forget_space(self, space: str) -> None:
        """Drop all tags of a space that is no more."""
        if self.any(space):
            await self._stored.forget_space(space)
            self._kept.changed(space, (), False)

    async def _change(self, space: str, id: str, add: Collection[str], remove: Collection[str] | None) -> None:
        self._kept.changed(space, [id], await self._stored.change(space, id, add, remove, self._most))


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
