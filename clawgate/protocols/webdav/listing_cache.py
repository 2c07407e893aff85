"""Rendered 207 bodies, kept as long as they are true and there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence

Chunks = tuple[bytes, ...]
"""A body in the pieces in which it is sent."""

_OVERHEAD = 600
"""Bytes an entry takes besides its body, about."""


class ListingCache:
    """Bodies by what was asked (`key`), each valid as long as its `stamp` is: the versions of all that it shows.

    There is one body a key, so that what has changed replaces what was; the least recently used go when `limit` bytes are passed.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        """Bytes kept now."""
        self.hits = 0
        self.misses = 0
        self._entries: OrderedDict[Hashable, tuple[Hashable, Chunks, int]] = OrderedDict()

    @property
    def largest(self) -> int:
        """Bytes of the largest body that is kept: a few big folders must not drive out all the rest."""
        return self.limit // 4

    def get(self, key: Hashable, stamp: Hashable) -> Chunks | None:
        """The body, if there is a valid one."""
        entry = self._entries.get(key)
        if entry is None or entry[0] != stamp:
            self.misses += 1
            return None
        self.hits += 1
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: Hashable, stamp: Hashable, chunks: Sequence[bytes]) -> None:
        """Keep a body, unless it is too large."""
        self._drop(key)
        size = sum(map(len, chunks)) + _OVERHEAD
        if size > self.largest:
            return
        self._entries[key] = (stamp, tuple(chunks), size)
        self.used += size
        while self.used > self.limit:
            _, (_, _, freed) = self._entries.popitem(last=False)
            self.used -= freed

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used -= entry[2]
