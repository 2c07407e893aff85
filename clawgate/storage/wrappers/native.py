"""For storages with ids and folder etags of their own (`Abilities.tree_etags`): full ids, a short memory for polls, and etags
that have moved as soon as the gateway has changed something, also where the storage takes a few seconds for that.

There is no index, and nothing has to be learned.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import attrs

from ...errors import NotFound
from ...interfaces import Body, Find, Listing, Parts, Reader, Storage, Times, Trash, Versions
from ...model.content import Intent, Written
from ...model.node import Node
from ...model.path import Path, ancestors, is_within, join, rebase
from .passing import NamedTrash, PassedParts, PassedVersions, named

POLLED = 10_000
"""Folders that are remembered for polls."""
BUMPED = 10_000
"""Folders whose etags the storage has yet to move."""


class _Bump(NamedTuple):
    """A change of ours below a folder."""

    before: str
    """The storage's etag that clients had seen last; empty: none."""
    mark: str
    """Added to that etag until the storage shows another one."""


class Native(Storage):
    """A storage whose etags are shown, once they have caught up with us."""

    def __init__(
        self,
        inner: Storage,
        space: str,
        clock: Callable[[], float],
        seconds: float,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`space` is the id that full ids begin with; `clock` gives seconds that never go back; what was seen of a folder is
        good for `seconds`; `changed` is told of every change of ours."""
        self._changed = changed
        self.inner = inner
        self.prefix = f"{space}!"
        """Begins full ids."""
        self._clock = clock
        self._seconds = seconds
        self._polled: OrderedDict[Path, tuple[float, Node]] = OrderedDict()
        self._last: OrderedDict[Path, str] = OrderedDict()
        """The storage's etags that were shown last."""
        self._bumps: OrderedDict[Path, _Bump] = OrderedDict()
        self._kept: tuple[OrderedDict[Path, Any], ...] = (self._last, self._bumps)
        self._changes = 0
        have = inner.abilities
        self.abilities = attrs.evolve(
            have,
            find=have.find and _Find(self, have.find),
            times=have.times and _Times(self, have.times),
            parts=have.parts and _Parts(self, have.parts),
            versions=have.versions and _Versions(self, have.versions),
            trash=have.trash and _Trash(self, have.trash),
        )

    async def stat(self, path: Path) -> Node:
        """Of a folder from memory, while that is fresh; else the storage is asked."""
        known = self._polled.get(path)
        if known is not None and known[0] > self._clock():
            return known[1]
        changes = self._changes
        node = self.shown(path, await self.inner.stat(path))
        if node.is_folder:
            self._remember(path, node, changes)
        return node

    async def list(self, path: Path) -> Listing:
        """As the storage has it."""
        changes = self._changes
        found = await self.inner.list(path)
        folder = self.shown(path, found.folder)
        self._remember(path, folder, changes)
        return Listing(folder, self._pages(path, found.pages))

    async def read(self, path: Path) -> Reader:
        """Open a file."""
        reader = await self.inner.read(path)
        reader.node = self.shown(path, reader.node)
        return reader

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """Write; when this returns, every etag up to the root has moved."""
        with self.changing(path):
            return self.written(path, await self.inner.write(path, body, intent))

    async def make_folder(self, path: Path) -> Node:
        """Make a folder."""
        with self.changing(path):
            return self.shown(path, await self.inner.make_folder(path))

    async def remove(self, path: Path) -> None:
        """Remove."""
        with self.changing(path):
            await self.inner.remove(path)
            self.forget(path)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """Move; what is known of folders below goes with them."""
        with self.changing(source, target):
            node = await self.inner.move(source, target, replace=replace)
            if source != target:
                self.forget(target)
                self._rebase(source, target)
            return self.shown(target, node)

    # For the abilities

    def shown(self, path: Path, node: Node) -> Node:
        """As clients see it: with the full id, and an etag that is not from before our last change."""
        etag = node.etag
        if node.is_folder:
            self._keep(self._last, path, etag, POLLED)
            bump = self._bumps.get(path)
            if bump is not None:
                if not bump.before:
                    # Nobody has seen an etag before: this one may be old.
                    bump = self._bumps[path] = bump._replace(before=etag)
                if bump.before == etag:
                    etag += bump.mark
                else:
                    del self._bumps[path]
        return named(node, self.prefix)._replace(etag=etag)

    def written(self, path: Path, written: Written) -> Written:
        """The same for what was written."""
        return attrs.evolve(written, node=self.shown(path, written.node))

    def own(self, id: str) -> str:
        """The storage's id in a full one. Raises `NotFound`."""
        own = id.removeprefix(self.prefix)
        if own == id:
            raise NotFound("there is nothing with this id")
        return own

    @contextmanager
    def changing(self, *paths: Path) -> Iterator[None]:
        """For changes of `paths`. Also one that fails may have been made."""
        try:
            yield
        finally:
            self._changes += 1
            for path in paths:
                self._forget_polls(path)
                for folder in ancestors(path):
                    self._polled.pop(folder, None)
                    bump = self._bumps.get(folder)
                    before = bump.before if bump is not None and bump.before else self._last.get(folder, "")
                    self._keep(self._bumps, folder, _Bump(before, f".{secrets.token_hex(4)}"), BUMPED)
            self._changed()

    def _remember(self, path: Path, node: Node, changes: int) -> None:
        # What was asked before a change of ours may have been answered before it, too.
        if self._seconds > 0 and changes == self._changes:
            self._keep(self._polled, path, (self._clock() + self._seconds, node), POLLED)

    def _forget_polls(self, path: Path) -> None:
        for known in [one for one in self._polled if is_within(one, path)] if path else []:
            del self._polled[known]

    def forget(self, path: Path) -> None:
        """What was known of `path` and below it is no more."""
        for kept in self._kept:
            for known in [one for one in kept if is_within(one, path)]:
                del kept[known]

    def _rebase(self, source: Path, target: Path) -> None:
        for kept in self._kept:
            for known in [one for one in kept if is_within(one, source)]:
                kept[rebase(known, source, target)] = kept.pop(known)

    def _keep(self, kept: OrderedDict[Path, Any], path: Path, value: object, most: int) -> None:
        kept[path] = value
        kept.move_to_end(path)
        if len(kept) > most:
            kept.popitem(last=False)

    async def _pages(self, folder: Path, pages: AsyncIterator[Sequence[Node]]) -> AsyncIterator[Sequence[Node]]:
        async for page in pages:
            yield [self.shown(join(folder, node.name), node) for node in page]


class _Find(Find):
    def __init__(self, storage: Native, inner: Find) -> None:
        self._storage = storage
        self._inner = inner

    async def find(self, id: str) -> Path:
        return await self._inner.find(self._storage.own(id))


class _Times(Times):
    def __init__(self, storage: Native, inner: Times) -> None:
        self._storage = storage
        self._inner = inner

    async def touch(self, path: Path, mtime_ns: int) -> Node:
        with self._storage.changing(path):
            return self._storage.shown(path, await self._inner.touch(path, mtime_ns))


class _Versions(PassedVersions):
    def __init__(self, storage: Native, inner: Versions) -> None:
        super().__init__(inner)
        self._storage = storage

    async def restore(self, path: Path, key: str) -> Node:
        with self._storage.changing(path):
            return self._storage.shown(path, await self.inner.restore(path, key))


class _Trash(NamedTrash):
    """Ids as clients know them, and changes that etags show."""

    def __init__(self, storage: Native, inner: Trash) -> None:
        super().__init__(inner, storage.prefix)
        self._storage = storage

    async def discard(self, path: Path, known: Node | None = None) -> None:
        with self._storage.changing(path):
            await self.inner.discard(path, known)
            self._storage.forget(path)

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        origin = (await self.inner.find(key)).origin
        with self._storage.changing(target, origin):
            self._storage.forget(target)
            return self._storage.shown(target, await self.inner.restore(key, target, replace=replace))


class _Parts(PassedParts):
    def __init__(self, storage: Native, inner: Parts) -> None:
        super().__init__(inner)
        self._storage = storage

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        with self._storage.changing(path):
            return self._storage.written(path, await self.inner.finish(handle, path, intent))

    async def published(self, handle: str, path: Path) -> Written | None:
        found = await self.inner.published(handle, path)
        return None if found is None else self._storage.written(path, found)
