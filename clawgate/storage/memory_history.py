"""Trash and versions of `MemoryStorage`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import attrs

from ..errors import AlreadyExists, IsAFolder, NotAFolder, NotFound
from ..interfaces import Body, Reader, Trash, Trashed, Version, Versions
from ..model.node import Identity, Node
from ..model.path import Path, split


class Former(NamedTuple):
    """Content that was overwritten."""

    at_ns: int
    mtime_ns: int
    content: bytes


class Entry(Protocol):
    """What is needed of a file or folder."""

    id: str
    own: str
    content: bytes | None
    mtime_ns: int
    revision: int
    children: dict[str, Any]
    former: list[Former]

    def node(self, path: str) -> Node:
        """As it is at `path`."""

    def identity(self) -> Identity:
        """How it is known."""


@attrs.frozen
class _Kept:
    entry: Entry
    origin: Path
    removed: float
    known: Node | None


class _Reader(Reader):
    def __init__(self, node: Node, content: bytes) -> None:
        self.node = node
        self._content = content

    async def stream(self, start: int = 0, stop: int | None = None) -> Body:
        yield self._content[start : len(self._content) if stop is None else stop]

    async def close(self) -> None:
        return None


class MemoryTrash(Trash):
    """What was removed."""

    def __init__(
        self,
        find: Callable[[Path], Any],
        place: Callable[[Path], tuple[Any, str]],
        set: Callable[[Any, str, Any], None],
        clock: Callable[[], int],
    ) -> None:
        self._find = find
        self._place = place
        self._set = set
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._count = 0

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """See `Trash.discard`."""
        entry = self._find(path)
        folder, label = self._place(path)
        self._count += 1
        self._kept[f"t{self._count:x}"] = _Kept(entry, path, self._clock() / 1e9, known)
        self._set(folder, label, None)

    async def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """See `Trash.list`."""
        yield [self._trashed(key) for key in self._kept]

    async def find(self, key: str) -> Trashed:
        """See `Trash.find`."""
        return self._trashed(key)

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """See `Trash.restore`."""
        kept = self._get(key)
        folder, label = self._place(target)
        if label in folder.children:
            if not replace:
                raise AlreadyExists(f"{target}: the name is taken")
            await self.discard(target)
        if kept.known is not None and kept.known.id:
            kept.entry.id = kept.known.id
        kept.entry.revision += 1
        self._set(folder, label, kept.entry)
        del self._kept[key]
        return kept.entry.node(target)

    async def purge(self, key: str) -> None:
        """See `Trash.purge`."""
        self._get(key)
        del self._kept[key]

    async def look(self, key: str, path: Path) -> Node:
        """See `Trash.look`."""
        return self._below(key, path).node(path) if path else self._trashed(key).node

    async def inside(self, key: str, path: Path) -> Sequence[Node]:
        """See `Trash.inside`."""
        entry = self._below(key, path)
        if entry.content is not None:
            raise NotAFolder("this is not a folder")
        return [child.node(label) for label, child in entry.children.items()]

    async def read(self, key: str, path: Path) -> Reader:
        """See `Trash.read`."""
        entry = self._below(key, path)
        if entry.content is None:
            raise IsAFolder("this is a folder")
        return _Reader(entry.node(path or self._get(key).origin), entry.content)

    def _get(self, key: str) -> _Kept:
        if key not in self._kept:
            raise NotFound("there is nothing like this in the trash")
        return self._kept[key]

    def _below(self, key: str, path: Path) -> Entry:
        entry = self._get(key).entry
        for label in path.split("/") if path else ():
            if label not in entry.children:
                raise NotFound("there is nothing like this in the trash")
            entry = entry.children[label]
        return entry

    def _trashed(self, key: str) -> Trashed:
        kept = self._get(key)
        node = kept.entry.node(split(kept.origin)[1])._replace(id=kept.entry.id)
        if kept.known is not None:
            node = node._replace(id=kept.known.id or node.id)
        if node.is_folder:
            node = node._replace(size=sum(len(entry.content or b"") for entry in _all(kept.entry)))
        return Trashed(key, node, kept.origin, kept.removed)


class MemoryVersions(Versions):
    """What was overwritten. Nothing is thinned out."""

    def __init__(self, find: Callable[[Path], Any], clock: Callable[[], int]) -> None:
        self._find = find
        self._clock = clock

    async def list(self, path: Path) -> Sequence[Version]:
        """See `Versions.list`."""
        entry = self._file(path)
        found = [
            Version(str(number), len(former.content), former.mtime_ns, f"{entry.own}-{former.at_ns:x}")
            for number, former in enumerate(entry.former)
        ]
        return found[::-1]

    async def read(self, path: Path, key: str) -> Reader:
        """See `Versions.read`."""
        entry = self._file(path)
        former = self._former(entry, key)
        return _Reader(entry.node(path)._replace(size=len(former.content), mtime_ns=former.mtime_ns), former.content)

    async def restore(self, path: Path, key: str) -> Node:
        """See `Versions.restore`."""
        entry = self._file(path)
        former = self._former(entry, key)
        entry.former.remove(former)
        if entry.content:
            entry.former.append(Former(self._clock(), entry.mtime_ns, entry.content))
        entry.content, entry.mtime_ns = former.content, former.mtime_ns
        # Its own name is of this very content.
        entry.own = f"{entry.own}.{former.at_ns:x}"
        entry.revision += 1
        return entry.node(path)

    def _file(self, path: Path) -> Entry:
        entry: Entry = self._find(path)
        if entry.content is None:
            raise IsAFolder(f"{path}: folders have no versions")
        return entry

    def _former(self, entry: Entry, key: str) -> Former:
        if not (key.isascii() and key.isdigit() and len(key) < 10) or int(key) >= len(entry.former):
            raise NotFound("there is no such version")
        return entry.former[int(key)]


def _all(entry: Entry) -> Iterator[Entry]:
    yield entry
    for child in entry.children.values():
        yield from _all(child)
