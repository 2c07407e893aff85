"""Abilities as the storage below has them, for wrappers that change only some of what these do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from ...interfaces import Body, Parts, Piece, Reader, Trash, Trashed, Version, Versions
from ...model.content import Checksum, Intent, Written
from ...model.node import Node
from ...model.path import Path


class PassedParts(Parts):
    """As `inner` does it."""

    def __init__(self, inner: Parts) -> None:
        self.inner = inner

    async def begin(self, size: int | None) -> str:
        """See `Parts.begin`."""
        return await self.inner.begin(size)

    async def write_at(
        self,
        handle: str,
        offset: int,
        body: Body,
        *,
        alone: bool = False,
        compute: Sequence[str] = (),
        checksums: Sequence[Checksum] = (),
    ) -> int:
        """See `Parts.write_at`."""
        return await self.inner.write_at(handle, offset, body, alone=alone, compute=compute, checksums=checksums)

    async def assemble(self, pieces: Sequence[Piece]) -> str:
        """See `Parts.assemble`."""
        return await self.inner.assemble(pieces)

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """See `Parts.finish`."""
        return await self.inner.finish(handle, path, intent)

    async def published(self, handle: str, path: Path) -> Written | None:
        """See `Parts.published`."""
        return await self.inner.published(handle, path)

    async def abort(self, handle: str) -> None:
        """See `Parts.abort`."""
        await self.inner.abort(handle)


class PassedVersions(Versions):
    """As `inner` does it."""

    def __init__(self, inner: Versions) -> None:
        self.inner = inner

    async def list(self, path: Path) -> Sequence[Version]:
        """See `Versions.list`."""
        return await self.inner.list(path)

    async def read(self, path: Path, key: str) -> Reader:
        """See `Versions.read`."""
        return await self.inner.read(path, key)

    async def restore(self, path: Path, key: str) -> Node:
        """See `Versions.restore`."""
        return await self.inner.restore(path, key)

    async def expire(self, before: float) -> int:
        """See `Versions.expire`."""
        return await self.inner.expire(before)

    async def used(self) -> int:
        """See `Versions.used`."""
        return await self.inner.used()


class NamedTrash(Trash):
    """As `inner` does it, with ids as clients know them: `prefix` and the one that the storage knows."""

    def __init__(self, inner: Trash, prefix: str) -> None:
        self.inner = inner
        self.prefix = prefix

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """See `Trash.discard`."""
        await self.inner.discard(path, known)

    async def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """See `Trash.list`."""
        async for page in self.inner.list():
            yield [one._replace(node=named(one.node, self.prefix)) for one in page]

    async def find(self, key: str) -> Trashed:
        """See `Trash.find`."""
        one = await self.inner.find(key)
        return one._replace(node=named(one.node, self.prefix))

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """See `Trash.restore`."""
        return await self.inner.restore(key, target, replace=replace)

    async def purge(self, key: str) -> None:
        """See `Trash.purge`."""
        await self.inner.purge(key)

    async def emptied(self) -> None:
        """See `Trash.emptied`."""
        await self.inner.emptied()

    async def look(self, key: str, path: Path) -> Node:
        """See `Trash.look`."""
        return named(await self.inner.look(key, path), self.prefix)

    async def inside(self, key: str, path: Path) -> Sequence[Node]:
        """See `Trash.inside`."""
        return [named(node, self.prefix) for node in await self.inner.inside(key, path)]

    async def read(self, key: str, path: Path) -> Reader:
        """See `Trash.read`."""
        return await self.inner.read(key, path)


def named(node: Node, prefix: str) -> Node:
    """With its full id, if it has one."""
    return node._replace(id=f"{prefix}{node.id}") if node.id else node
