"""How much more may be stored: quotas of spaces, and what running uploads have claimed of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from ..errors import QuotaExceeded
from ..interfaces import Body, Room, Storage
from ..model.path import ROOT
from ..model.space import Space


class Quotas:
    """Claims of running uploads, so that several at once cannot overrun a quota together."""

    def __init__(self) -> None:
        self._claimed: Counter[str] = Counter()

    async def room(self, space: Space, storage: Storage) -> Room:
        """Bytes used in the space, and how many more fit: by its quota and by the storage."""
        ability = storage.abilities.quota
        on_storage = await ability.room() if ability else Room(None, None)
        used = (await storage.stat(ROOT)).size
        available = on_storage.available
        if space.quota is not None:
            left = max(0, space.quota - used - self._claimed[space.id])
            available = left if available is None else min(left, available)
        return Room(used, available)

    async def left(self, space: Space, storage: Storage, replaced: int = 0) -> int | None:
        """Bytes that an upload may have which frees `replaced` bytes; None: the quota sets no limit."""
        if space.quota is None:
            return None
        used = (await storage.stat(ROOT)).size
        return max(0, space.quota - used - self._claimed[space.id] + replaced)

    @contextmanager
    def claim(self, space: Space, left: int | None, size: int | None) -> Iterator[None]:
        """Keep `size` bytes for an upload while it runs. Raises `QuotaExceeded` if fewer are `left`."""
        if left is None:
            yield
            return
        size = size or 0
        if size > left:
            raise QuotaExceeded(f"{size} bytes do not fit into the {left} bytes that are left of the quota")
        self._claimed[space.id] += size
        try:
            yield
        finally:
            self._claimed[space.id] -= size
            if not self._claimed[space.id]:
                del self._claimed[space.id]


async def limited(body: Body, left: int) -> AsyncIterator[bytes]:
    """`body`, as long as it is not longer than `left` bytes; then `QuotaExceeded`."""
    async for chunk in body:
        left -= len(chunk)
        if left < 0:
            raise QuotaExceeded("the quota is used up")
        yield chunk
