"""`MemoryStorage`: everything in memory, for tests and demonstrations; the shortest reading of what a driver has to do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

from ..errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    IsAFolder,
    LengthMismatch,
    NotAFolder,
    NotFound,
    ParentMissing,
    PreconditionFailed,
    RangeNotSatisfiable,
)
from ..interfaces import Abilities, Body, Copy, Ids, Janitor, Listing, Quota, Reader, Room, Storage, Times
from ..model.content import Intent, Target, Written
from ..model.node import Identity, Kind, Node
from ..model.path import Path, is_within, name, split
from .checksums import ALGORITHMS, Digests
from .memory_history import Former, MemoryTrash, MemoryVersions
from .memory_parts import MemoryParts

_BLOCK = 65536
_Names = Sequence[str]


class _Entry:
    """One file (with content) or folder (with children). Content is replaced, never changed."""

    __slots__ = ("checksums", "children", "content", "former", "id", "mtime_ns", "own", "revision")

    def __init__(self, own: str, mtime_ns: int, content: bytes | None, checksums: str = "") -> None:
        self.own = own
        self.id = own
        self.revision = 0
        self.mtime_ns = mtime_ns
        self.content = content
        self.children: dict[str, _Entry] = {}
        self.checksums = checksums
        self.former: list[Former] = []
        """What was overwritten, the oldest first."""

    @property
    def is_folder(self) -> bool:
        return self.content is None

    @property
    def seen(self) -> str:
        return f"{self.own}.{self.revision}"

    def node(self, path: str) -> Node:
        kind = Kind.FOLDER if self.content is None else Kind.FILE
        return Node(name(Path(path)), kind, len(self.content or b""), self.mtime_ns, self.seen, checksums=self.checksums)

    def identity(self) -> Identity:
        return Identity(self.id, self.own, self.checksums)

    def touched(self, mtime_ns: int) -> None:
        self.mtime_ns = mtime_ns
        self.revision += 1


class _MemoryReader(Reader):
    def __init__(self, path: Path, entry: _Entry) -> None:
        self.node = entry.node(path)
        self._content = entry.content or b""

    async def stream(self, start: int = 0, stop: int | None = None) -> Body:
        if start > len(self._content):
            raise RangeNotSatisfiable(len(self._content))
        end = len(self._content) if stop is None else min(stop, len(self._content))
        for position in range(start, end, _BLOCK):
            yield self._content[position : min(position + _BLOCK, end)]

    async def close(self) -> None:
        return None


class MemoryStorage(Storage, Ids, Copy, Quota, Times, Janitor):
    """A tree in memory. `clock` gives nanoseconds since 1970."""

    def __init__(self, clock: Callable[[], int] = time.time_ns, *, trash: bool = True, versions: bool = True) -> None:
        """`trash`, `versions`: what is removed, or overwritten, is kept."""
        self._clock = clock
        self._versions = versions
        self._trash = MemoryTrash(self._find, self._place, self._set, clock)
        self._count = 0
        self._root = self._make(None)
        self._parts = MemoryParts(self._own, self._publish, self._outcome, clock)
        self.abilities = Abilities(
            ids=self,
            copy=self,
            quota=self,
            times=self,
            parts=self._parts,
            janitor=self,
            trash=self._trash if trash else None,
            versions=MemoryVersions(self._find, clock) if versions else None,
            checksums=ALGORITHMS,
        )

    async def stat(self, path: Path) -> Node:
        """See `Storage.stat`."""
        return self._find(path).node(path)

    async def list(self, path: Path) -> Listing:
        """See `Storage.list`."""
        entry = self._find(path)
        if not entry.is_folder:
            raise NotAFolder(f"{path}: this is not a folder")
        return Listing(entry.node(path), _page([child.node(label) for label, child in entry.children.items()]))

    async def read(self, path: Path) -> Reader:
        """See `Storage.read`."""
        entry = self._find(path)
        if entry.is_folder:
            raise IsAFolder(f"{path}: this is a folder")
        return _MemoryReader(path, entry)

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """See `Storage.write`."""
        _digests(intent)
        self._check_expected(path, intent.expected)
        chunks: list[bytes] = []
        length = 0
        async for chunk in body:
            length += len(chunk)
            if intent.size is not None and length > intent.size:
                raise LengthMismatch(f"the content is longer than the {intent.size} bytes announced")
            chunks.append(chunk)
        return self._publish(path, b"".join(chunks), intent)

    async def make_folder(self, path: Path) -> Node:
        """See `Storage.make_folder`."""
        if not path:
            raise AlreadyExists("the root is always there")
        folder, label = self._place(path)
        if label in folder.children:
            raise AlreadyExists(f"{path}: the name is taken")
        entry = self._make(None)
        self._set(folder, label, entry)
        return entry.node(path)

    async def remove(self, path: Path) -> None:
        """See `Storage.remove`."""
        self._find(path)
        folder, label = self._place(path)
        self._set(folder, label, None)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """See `Storage.move`."""
        entry = self._find(source)
        if source == target:
            return entry.node(target)
        old_folder, old_label = self._place(source)
        self._check_target(source, target, replace)
        await self._make_way(target)
        new_folder, new_label = self._place(target)
        self._set(old_folder, old_label, None)
        entry.revision += 1
        self._set(new_folder, new_label, entry)
        return entry.node(target)

    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool = True) -> Node:
        """See `Copy.copy`."""
        entry = self._find(source)
        if source == target:
            raise InvalidRequest("nothing can be copied onto itself")
        self._check_target(source, target, replace)
        await self._make_way(target)
        folder, label = self._place(target)
        copied = self._copy(entry, deep)
        self._set(folder, label, copied)
        return copied.node(target)

    async def identify(self, folder: Path, names: _Names) -> Mapping[str, Identity]:
        """See `Ids.identify`."""
        entry = self._find(folder)
        found = {label: entry.children[label].identity() for label in names if label in entry.children}
        if "" in names:
            found[""] = entry.identity()
        return found

    async def pin(self, path: Path, id: str) -> None:
        """See `Ids.pin`."""
        entry = self._find(path)
        if entry.id != id:
            entry.id = id
            entry.revision += 1

    async def room(self) -> Room:
        """See `Quota.room`."""
        return Room(sum(len(entry.content or b"") for entry in _all(self._root)), None)

    async def touch(self, path: Path, mtime_ns: int) -> Node:
        """See `Times.touch`."""
        entry = self._find(path)
        entry.touched(mtime_ns)
        return entry.node(path)

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`."""
        return self._parts.sweep(keep, older_than)

    async def _make_way(self, target: Path) -> None:
        """Put what is about to be replaced into the trash, if there is one."""
        folder, label = self._place(target)
        if self.abilities.trash is not None and label in folder.children:
            await self._trash.discard(target)

    def _own(self) -> str:
        self._count += 1
        return f"m{self._count:x}"

    def _make(self, content: bytes | None, checksums: str = "", own: str = "") -> _Entry:
        return _Entry(own or self._own(), self._clock(), content, checksums)

    def _find(self, path: Path) -> _Entry:
        entry = self._root
        for label in path.split("/") if path else ():
            found = entry.children.get(label)
            if found is None:
                raise NotFound(f"{path}: there is no such file or folder")
            entry = found
        return entry

    def _place(self, path: Path) -> tuple[_Entry, str]:
        folder, label = split(path)
        if not path:
            raise Forbidden("the root cannot be replaced, moved or removed")
        try:
            entry = self._find(folder)
        except NotFound:
            raise ParentMissing(f"{folder}: there is no such folder") from None
        if not entry.is_folder:
            raise ParentMissing(f"{folder}: there is no such folder")
        return entry, label

    def _set(self, folder: _Entry, label: str, entry: _Entry | None) -> None:
        if entry is None:
            del folder.children[label]
        else:
            folder.children[label] = entry
        folder.touched(self._clock())

    def _check_target(self, source: Path, target: Path, replace: bool) -> None:
        if is_within(target, source) or is_within(source, target):
            raise InvalidRequest("a folder cannot go into itself or onto a folder that holds it")
        folder, label = self._place(target)
        if not replace and label in folder.children:
            raise AlreadyExists(f"{target}: the name is taken")

    def _check_expected(self, path: Path, expected: Target | str) -> _Entry | None:
        folder, label = self._place(path)
        there = folder.children.get(label)
        if there is None:
            if not isinstance(expected, Target):
                raise PreconditionFailed(f"{path}: the file was removed meanwhile")
            return None
        if expected is Target.NOTHING:
            raise PreconditionFailed(f"{path}: the name is taken")
        if there.is_folder:
            raise IsAFolder(f"{path}: this is a folder")
        if not isinstance(expected, Target) and there.seen != expected:
            raise PreconditionFailed(f"{path}: the file was changed meanwhile")
        return there

    def _publish(self, path: Path, content: bytes, intent: Intent, own: str = "") -> Written:
        digests = _digests(intent)
        if intent.size is not None and len(content) != intent.size:
            raise LengthMismatch(f"{len(content)} bytes came, {intent.size} were announced")
        digests.update(content)
        digests.verify(intent.checksums)
        replaced = self._check_expected(path, intent.expected)
        entry = self._make(content, digests.text(), own)
        entry.id = intent.id or (replaced.id if replaced else entry.own)
        if intent.mtime_ns is not None:
            entry.mtime_ns = intent.mtime_ns
        if replaced is not None:
            entry.former = list(replaced.former)
            if self._versions and replaced.content:
                entry.former.append(Former(self._clock(), replaced.mtime_ns, replaced.content))
        folder, label = self._place(path)
        self._set(folder, label, entry)
        return Written(entry.node(path), replaced is not None, entry.identity())

    def _outcome(self, path: Path, own: str) -> Written | None:
        """Of the write that put what has the own name `own` at `path`; None: something else is there, or nothing."""
        try:
            entry = self._find(path)
        except NotFound:
            return None
        return Written(entry.node(path), entry.id != own, entry.identity()) if entry.own == own else None

    def _copy(self, entry: _Entry, deep: bool) -> _Entry:
        copied = self._make(entry.content, entry.checksums)
        copied.mtime_ns = entry.mtime_ns
        if deep:
            copied.children = {label: self._copy(child, deep) for label, child in entry.children.items()}
        return copied


def _digests(intent: Intent) -> Digests:
    """Raises `InvalidRequest` for an unknown algorithm."""
    return Digests([*intent.compute, *(checksum.algorithm for checksum in intent.checksums)])


def _all(entry: _Entry) -> Iterator[_Entry]:
    yield entry
    for child in entry.children.values():
        yield from _all(child)


async def _page(nodes: Iterable[Node]) -> AsyncIterator[Sequence[Node]]:
    yield tuple(nodes)
