"""The recycle bin (eos.md, section 7.7): what is removed goes there by itself, with EOS's own facts, and comes back by itself.

A bin is a tree of folders by day, one for each owner, or one for a project. They are listed as all folders are, which tells what
commands for the bin do not: times, checksums, ids. What is shown is only what lies in the bin of this person, or in that of the
project if this person may look into that, and was in this space.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from ...errors import (
    AlreadyExists,
    Forbidden,
    IsAFolder,
    NotAFolder,
    NotFound,
)
from ...interfaces import Reader, Trash, Trashed
from ...model.node import Node
from ...model.path import Path, name
from ...mutex import Mutex
from . import moving
from .facts import Entry, nodes_of
from .ground import Ground
from .names import check_new
from .reading import EosReader
from .recycled import KEY, bin_of, is_shared, key_of, lies_in, origin_of, place_of, versions_inode, versions_key
from .restoring import bring, bring_elsewhere

_LEVELS = 4
"""Folders above what lies in a bin: year, month, day, and a number."""


class EosTrash(Trash):
    """See the module."""

    def __init__(self, ground: Ground, bin: str) -> None:
        """`bin` is the full path of the instance's recycle bin, or of a project's in it."""
        self._ground = ground
        self._shared = is_shared(bin)
        self._mine = bin_of(bin, ground.persona.uid)
        self._turn = Mutex()

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """See `Trash.discard`. EOS does it, and keeps what it knows."""
        await moving.remove(self._ground, path)

    async def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """See `Trash.list`. One call for each day on which something was removed, the last day first."""
        if not await self._may_look():
            return
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
                    if there is None:
                        await bring(ground, key, place)
                    else:
                        await moving.exchange(ground, target, lambda full: bring(ground, key, full))
                else:
                    await bring_elsewhere(ground, key, place, target, taken=there is not None)
            finally:
                ground.changed(target, trashed.origin)
        return await ground.node(target)

    async def purge(self, key: str) -> None:
        """See `Trash.purge`. `Forbidden` where EOS lets nobody do it. The versions of a file lie beside it in the bin."""
        metadata, who = self._ground.metadata, self._ground.who
        found, _ = await self._entry(key)
        if self._shared and found.uid != self._ground.persona.uid:
            # EOS would not ask whose it is.
            raise Forbidden("in the recycle bin of a project everybody may remove for good only what was theirs")
        await metadata.purge(who, key)
        if not found.is_folder and (inode := versions_inode(found.kept)):
            kept = versions_key(inode)
            there = await metadata.recycled(who, kept)
            if there is not None and lies_in(self._mine, there.path):
                with suppress(NotFound):
                    await metadata.purge(who, kept)

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

    async def _may_look(self) -> bool:
        """Into the bin of a project; listings of folders are not checked everywhere."""
        if self._shared:
            try:
                await self._ground.metadata.see_readable(self._ground.who, self._mine)
            except (Forbidden, NotFound):
                return False
        return True

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
            if found is not None and trashed is not None and await self._may_look():
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
