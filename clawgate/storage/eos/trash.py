"""The recycle bin (eos.md, section 7.7): what is removed goes there by itself, with EOS's own facts, and comes back by itself.

A bin is a tree of folders by day, one for each owner. They are listed as all folders are, which tells what commands for the bin
do not: times, checksums, ids. What is shown is only what lies in the bin of this person and was in this space.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence

from ...errors import (
    AlreadyExists,
    ClawgateError,
    Forbidden,
    IsAFolder,
    NotAFolder,
    NotFound,
    Overloaded,
    ParentMissing,
    StorageBroken,
    StorageUnavailable,
)
from ...interfaces import Reader, Trash, Trashed
from ...log import make_logger
from ...model.node import Node
from ...model.path import Path, name
from ...mutex import Mutex
from . import moving
from .facts import Entry, nodes_of
from .ground import Ground
from .names import HELD, check_new
from .reading import EosReader
from .recycled import KEY, bin_of, key_of, lies_in, origin_of, place_of, versions_inode

log = make_logger()

_LEVELS = 4
"""Folders above what lies in a bin: year, month, day, and a number."""


class EosTrash(Trash):
    """See the module."""

    def __init__(self, ground: Ground, bin: str) -> None:
        """`bin` is the full path of the instance's recycle bin."""
        self._ground = ground
        self._mine = bin_of(bin, ground.persona.uid)
        self._turn = Mutex()

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """See `Trash.discard`. EOS does it, and keeps what it knows."""
        await moving.remove(self._ground, path)

    async def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """See `Trash.list`. One call for each day on which something was removed, the last day first."""
        async for found in self._days(self._mine, _LEVELS):
            page = [trashed for one in found if (trashed := self._trashed(one)) is not None]
            if page:
                yield page

    async def find(self, key: str) -> Trashed:
        """See `Trash.find`. One call."""
        return (await self._entry(key))[1]

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """See `Trash.restore`. EOS brings it back to where it was, from where it is renamed if it shall come elsewhere; what
        stands there makes room for a moment, and is put back after a kill (`leftovers`)."""
        ground = self._ground
        check_new(target)
        async with self._turn:
            found, trashed = await self._entry(key)
            full, place = ground.full(target), place_of(name(Path(found.path)))
            there = await ground.metadata.look(ground.who, full)
            if there is not None and not replace:
                raise AlreadyExists(f"{target}: the name is taken")
            await ground.see_parent(target)
            try:
                if place == full:
                    if there is not None:
                        await moving.discard(ground, full)
                    await self._bring(key, place)
                else:
                    await self._bring_elsewhere(key, place, target, there is not None)
            finally:
                ground.changed(target, trashed.origin)
        return await ground.node(target)

    async def purge(self, key: str) -> None:
        """See `Trash.purge`. `Forbidden` where EOS lets nobody do it."""
        await self._entry(key)
        await self._ground.metadata.purge(self._ground.who, key)

    async def look(self, key: str, path: Path) -> Node:
        """See `Trash.look`."""
        found, trashed = await self._entry(key)
        return (await self._within(found, path)).node("") if path else trashed.node

    async def inside(self, key: str, path: Path) -> Sequence[Node]:
        """See `Trash.inside`."""
        ground = self._ground
        found = await self._within((await self._entry(key))[0], path)
        if not found.is_folder:
            raise NotAFolder("this is not a folder")
        await ground.metadata.see_readable(ground.who, found.path)
        return nodes_of(await ground.metadata.container(ground.who, found.path), ground.options.stable_ids)

    async def read(self, key: str, path: Path) -> Reader:
        """See `Trash.read`."""
        entry, trashed = await self._entry(key)
        found = await self._within(entry, path)
        if found.is_folder:
            raise IsAFolder("this is a folder")
        node = found.node(str(found.inode)) if path else trashed.node
        return EosReader(self._ground, found.path, node, found.etag)

    # What there is

    async def _days(self, full: str, levels: int) -> AsyncIterator[Sequence[Entry]]:
        try:
            found = await self._ground.metadata.container(self._ground.who, full)
        except NotFound:
            # Nothing was removed yet, or EOS has just cleared up.
            return
        if not levels:
            yield found.children
            return
        for one in sorted(found.children, key=lambda one: one.name, reverse=True):
            if one.is_folder and one.name.isdigit():
                async for below in self._days(f"{full}/{one.name}", levels - 1):
                    yield below

    async def _entry(self, key: str) -> tuple[Entry, Trashed]:
        """What has this key in this bin. Raises `NotFound`, also for what lies in another one."""
        if KEY.fullmatch(key):
            found = await self._ground.metadata.recycled(self._ground.who, key)
            trashed = self._trashed(found) if found is not None else None
            if found is not None and trashed is not None:
                return found, trashed
        raise NotFound("there is nothing with this key in the trash")

    def _trashed(self, found: Entry) -> Trashed | None:
        """As people see it; None: it is not theirs, was not in this space or is never shown."""
        label = name(Path(found.path))
        if found.is_link or not lies_in(self._mine, found.path):
            return None
        try:
            origin = self._ground.relative(origin_of(place_of(label)))
        except NotFound:
            return None
        if not origin:
            return None
        versions = 0 if found.is_folder or not self._ground.options.stable_ids else versions_inode(found.kept)
        node = found.node(str(versions or found.inode))._replace(name=name(origin))
        return Trashed(key_of(label), node, origin, float(found.ctime))

    async def _within(self, found: Entry, path: Path) -> Entry:
        if not path:
            return found
        ground = self._ground
        ground.full(path)
        full = f"{found.path}/{path}"
        await ground.metadata.see_readable(ground.who, full)
        below = await ground.metadata.describe(ground.who, full)
        if below is None or below.is_link:
            raise NotFound("there is nothing like this in it")
        return below._replace(name=name(path))

    # Coming back

    async def _bring(self, key: str, place: str) -> None:
        """Let EOS put it to where it was, the full path `place`; believed when it is there."""
        ground = self._ground
        try:
            await ground.metadata.bring_back(ground.who, key)
        except (StorageUnavailable, StorageBroken, Overloaded) as error:
            # It may have done it all the same.
            if not await self._is_back(key, place):
                raise
            log.warn("the recycle bin has failed to say that something is back: {error}", error=error)
        else:
            if not await self._is_back(key, place):
                raise StorageBroken("the storage says that it is back, and it is not there")

    async def _is_back(self, key: str, place: str) -> bool:
        found = await self._ground.metadata.recycled(self._ground.who, key)
        return found is not None and found.path == place

    async def _bring_elsewhere(self, key: str, place: str, target: Path, taken: bool) -> None:
        ground = self._ground
        metadata, who, full = ground.metadata, ground.who, ground.full(target)
        made = await self._make_way(place)
        folder, _, label = place.rpartition("/")
        held = f"{folder}/{HELD}{secrets.token_hex(8)}.{label}"
        ground.instance.busy.add(held)
        stands = await metadata.look(who, place) is not None
        try:
            if stands:
                ground.litter(ground.relative(folder))
                await metadata.rename(who, place, held, replace=False)
            try:
                await self._bring(key, place)
                if taken:
                    await moving.discard(ground, full)
                await metadata.rename(who, place, full, replace=False)
            finally:
                if stands and await metadata.look(who, place) is None:
                    await metadata.rename(who, held, place, replace=False)
        finally:
            ground.instance.busy.discard(held)
            for one in reversed(made):
                try:
                    await metadata.remove_empty(who, one)
                except ClawgateError as error:
                    log.debug("a folder made to bring something back stays: {error}", error=error)

    async def _make_way(self, place: str) -> Sequence[str]:
        """Make the folders that it was in, which EOS wants; those that were made."""
        ground, missing = self._ground, []
        folder = place.rpartition("/")[0]
        while (found := await ground.metadata.look(ground.who, folder)) is None:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
            if not folder.startswith(ground.root):
                raise Forbidden("it was in a folder outside of this space")
        if not found.is_folder:
            raise ParentMissing("where it was is a file now")
        made = missing[::-1]
        for one in made:
            await ground.metadata.make_folder(ground.who, one)
        return made
