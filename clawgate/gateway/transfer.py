"""Copies between two storages, through clawgate."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..errors import NotFound
from ..interfaces import Storage
from ..model.content import Intent
from ..model.node import Node
from ..model.path import Path, join


async def transfer(storage: Storage, source: Path, other: Storage, target: Path, *, deep: bool) -> Node:
    """Copy `source` of one storage to `target` of another one, with modification times. A failure leaves no part of a folder."""
    if not (await storage.stat(source)).is_folder:
        return await _file(storage, source, other, target)
    node = await other.make_folder(target)
    if deep:
        try:
            await _content(storage, source, other, target)
        except BaseException:
            await other.remove(target)
            raise
        node = await other.stat(target)
    return node


async def _content(storage: Storage, source: Path, other: Storage, target: Path) -> None:
    async for page in (await storage.list(source)).pages:
        for child in page:
            if child.is_folder:
                await other.make_folder(join(target, child.name))
                await _content(storage, join(source, child.name), other, join(target, child.name))
            else:
                await _file(storage, join(source, child.name), other, join(target, child.name))


async def _file(storage: Storage, source: Path, other: Storage, target: Path) -> Node:
    reader = await storage.read(source)
    try:
        node = reader.node
        return (await other.write(target, reader.stream(), Intent(size=node.size, mtime_ns=node.mtime_ns))).node
    finally:
        await reader.close()


async def twins(storage: Storage, source: Path, other: Storage, target: Path) -> AsyncIterator[tuple[str, str]]:
    """The ids of all nodes at and below `source`, each with the id of its copy at or below `target`."""
    try:
        first, second = await storage.stat(source), await other.stat(target)
    except NotFound:
        return
    yield first.id, second.id
    if first.is_folder and second.is_folder:
        copies = {node.name: node async for page in (await other.list(target)).pages for node in page}
        async for page in (await storage.list(source)).pages:
            for node in page:
                if node.name in copies:
                    if not node.is_folder:
                        yield node.id, copies[node.name].id
                        continue
                    async for pair in twins(storage, join(source, node.name), other, join(target, node.name)):
                        yield pair
