"""All who know people, asked as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..interfaces import Directory, Match
from ..model.people import User


class Register:
    """Asks the directories in the order in which they are asked at a login; whoever knows somebody first is right."""

    def __init__(self, directories: Sequence[Directory], known: Callable[[str], Awaitable[User | None]]) -> None:
        """`known` tells of people whom no directory has, but who were here (those of OpenID providers)."""
        self._directories = directories
        self._known = known

    async def find(self, id: str) -> User | None:
        """The person with this id. Raises `StorageUnavailable` if a directory that comes before does not answer."""
        for directory in self._directories:
            if (user := await directory.find_user(id)) is not None:
                return user
        return await self._known(id)

    async def people(self, text: str, limit: int) -> Sequence[Match]:
        """Up to `limit` people as `Directory.search` finds them. Raises `StorageUnavailable`."""
        found: dict[str, Match] = {}
        for directory in self._directories:
            for one in await directory.search(text, limit):
                found.setdefault(one.id, one)
        return list(found.values())[:limit]

    async def groups(self, text: str, limit: int) -> Sequence[str]:
        """Up to `limit` groups as `Directory.search_groups` finds them. Raises `StorageUnavailable`."""
        found: set[str] = set()
        for directory in self._directories:
            found.update(await directory.search_groups(text, limit))
        return sorted(found)[:limit]
