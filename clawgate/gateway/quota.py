"""How much more may be stored: quotas of spaces, and what running uploads have claimed of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager

from ..errors import QuotaExceeded
from ..interfaces import Body, Room, Storage
from ..model.path import ROOT
from ..model.space import Space

Reserved = Callable[[str, Collection[str]], Awaitable[int]]
"""Bytes that the upload sessions of a space need, without those named."""

TRIES = 10
"""So often the books are read again because somebody wrote in them meanwhile."""


class Quotas:
    """Claims of running uploads, so that several at once cannot overrun a quota together.

    What one request writes is claimed in memory while it runs; what a session of several will need is known to the state, and
    claimed here while it is being noted there.
    """

    def __init__(self, reserved: Reserved) -> None:
        self._reserved = reserved
        self._claimed: Counter[str] = Counter()
        """By requests that write, for each space."""
        self._noting: dict[str, dict[str, int]] = {}
        """By sessions that may not be in the state yet, for each space."""
        self._entries: Counter[str] = Counter()
        """For each space: how often something left these books for others, or came into `_noting`."""

    async def room(self, space: Space, storage: Storage) -> Room:
        """Bytes used in the space, and how many more fit: by its quota and by the storage."""
        ability = storage.abilities.quota
        on_storage = await ability.room() if ability else Room(None, None)
        used = (await storage.stat(ROOT)).size
        available = on_storage.available
        left = await self.left(space, storage)
        if left is not None:
            available = left if available is None else min(left, available)
        return Room(used, available)

    async def budget(self, space: Space, storage: Storage) -> int | None:
        """Bytes that all sessions together may have; None: the quota sets no limit."""
        if space.quota is None:
            return None
        for _ in range(TRIES):
            entries = self._entries[space.id]
            used = (await storage.stat(ROOT)).size
            if entries == self._entries[space.id]:
                break
        return max(0, space.quota - used - self._claimed[space.id])

    async def left(self, space: Space, storage: Storage, replaced: int = 0, apart: Collection[str] = ()) -> int | None:
        """Bytes that an upload may have which frees `replaced` bytes; None: the quota sets no limit.

        `apart` are the sessions whose own bytes they are. Claim before the next pause what shall not be given to others.
        """
        if space.quota is None:
            return None
        for _ in range(TRIES):
            entries = self._entries[space.id]
            noting = dict(self._noting.get(space.id, ()))
            # In this order: what moves from a session to the space meanwhile is counted twice rather than never.
            reserved = await self._reserved(space.id, {*apart, *noting})
            used = (await storage.stat(ROOT)).size
            if entries == self._entries[space.id]:
                break
        reserved += sum(size for session, size in noting.items() if session not in apart)
        return max(0, space.quota - used - self._claimed[space.id] - reserved + replaced)

    @contextmanager
    def claim(self, space: Space, left: int | None, size: int | None) -> Iterator[None]:
        """Keep `size` bytes for an upload while it runs. Raises `QuotaExceeded` if fewer are `left`."""
        if left is None:
            yield
            return
        size = size or 0
        check(left, size)
        self._claimed[space.id] += size
        try:
            yield
        finally:
            self._entries[space.id] += 1
            self._claimed[space.id] -= size
            if not self._claimed[space.id]:
                del self._claimed[space.id]

    @contextmanager
    def noting(self, space: Space, session: str, left: int | None, size: int) -> Iterator[None]:
        """Keep `size` bytes for a session while the state is told of it, which sees to it that those of other processes fit into
        the `budget` too. Raises `QuotaExceeded` if fewer are `left`."""
        if left is None:
            yield
            return
        check(left, size)
        self._entries[space.id] += 1
        self._noting.setdefault(space.id, {})[session] = size
        try:
            yield
        finally:
            self._entries[space.id] += 1
            noting = self._noting.get(space.id, {})
            # Two requests may have told the same.
            noting.pop(session, None)
            if not noting:
                self._noting.pop(space.id, None)


def check(left: int | None, size: int) -> None:
    """Raise `QuotaExceeded` if `size` bytes are more than are `left`."""
    if left is not None and size > left:
        raise QuotaExceeded(f"{size} bytes do not fit into the {left} bytes that are left of the quota")


async def limited(body: Body, left: int) -> AsyncIterator[bytes]:
    """`body`, as long as it is not longer than `left` bytes; then `QuotaExceeded`."""
    async for chunk in body:
        left -= len(chunk)
        if left < 0:
            raise QuotaExceeded("the quota is used up")
        yield chunk
