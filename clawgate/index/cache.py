"""The rows of one space that are in memory, found by walking a path."""

from __future__ import annotations

from collections import OrderedDict

from ..model.path import Path
from .entry import Entry


class Cache:
    """Entries by parent number and name, least recently used ones dropped first.

    Because the key is the parent's number and not a path, moving a folder moves everything below it, and what was below a removed
    folder cannot be reached any more.
    """

    def __init__(self, limit: int) -> None:
        """At most `limit` entries are kept besides the root."""
        self.root: Entry | None = None
        self._limit = limit
        self._entries: OrderedDict[tuple[int, str], Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def walk(self, path: Path) -> tuple[list[Entry], list[str]]:
        """The entries from the root down to `path` as far as they are known, and the names that are left."""
        root = self.root
        if root is None:
            return [], path.split("/") if path else []
        chain = [root]
        if not path:
            return chain, []
        entries = self._entries
        names = path.split("/")
        no = root.no
        for i, name in enumerate(names):
            entry = entries.get((no, name))
            if entry is None:
                return chain, names[i:]
            chain.append(entry)
            no = entry.no
        entries.move_to_end((chain[-2].no, chain[-1].name))
        return chain, []

    def put(self, entry: Entry) -> None:
        """Keep `entry`, replacing what was known at its place."""
        if entry.parent == 0:
            self.root = entry
            return
        entries = self._entries
        entries[entry.parent, entry.name] = entry
        entries.move_to_end((entry.parent, entry.name))
        while len(entries) > self._limit:
            entries.popitem(last=False)

    def drop(self, parent: int, name: str) -> Entry | None:
        """Forget the entry at this place."""
        return self._entries.pop((parent, name), None)

    def get(self, parent: int, name: str) -> Entry | None:
        """The entry at this place, if it is in memory."""
        return self._entries.get((parent, name))

    def clear(self) -> None:
        """Forget everything."""
        self.root = None
        self._entries.clear()
