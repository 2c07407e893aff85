"""`EosStorage`: a folder of an instance of EOS, worked on as one person."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence

from ...errors import AlreadyExists, ClawgateError, IsAFolder, NotFound, StorageUnavailable
from ...interfaces import (
    Abilities,
    Body,
    Find,
    Janitor,
    Listing,
    Quota,
    Reader,
    Rights,
    Room,
    Storage,
)
from ...model.content import Intent, Written
from ...model.node import Node
from ...model.path import Path
from ...model.permissions import Permissions
from ...model.space import Persona
from ..checksums import ALGORITHMS
from . import moving
from .facts import nodes_of
from .ground import Ground
from .instance import Instance
from .leftovers import has_leftovers, has_room_made, settled, sweep
from .metadata import Metadata
from .names import check_new
from .parts import EosParts
from .reading import EosReader
from .rights import told, within
from .trash import EosTrash
from .versions import EosVersions
from .writing import write

_PAGE = 500
_INLINE = 200
"""Longer listings are made in a thread."""


class EosStorage(Storage, Find, Quota, Rights, Janitor):
    """See the module. Ids are decimal inodes; etags are those of EOS, also of folders."""

    def __init__(
        self,
        instance: Instance,
        metadata: Metadata,
        persona: Persona,
        root: str,
        *,
        bin: str = "",
        versions: bool = True,
        mends: bool = True,
    ) -> None:
        """`persona` must have been looked at (`accounts.Accounts`); `root` is a full path on EOS; `bin`: that of the recycle bin
        (`Metadata.recycle_bin`), empty: there is none; `versions`: former content is offered; `mends`: what interrupted work has
        left behind is put in order, which changes something."""
        self._ground = Ground(instance, metadata, persona, root)
        self._ground.mends = mends
        self.abilities = Abilities(
            find=self,
            quota=self,
            rights=self,
            janitor=self if mends else None,
            parts=EosParts(self._ground),
            versions=EosVersions(self._ground) if versions else None,
            trash=EosTrash(self._ground, bin) if bin else None,
            checksums=ALGORITHMS,
            tree_etags=True,
        )

    async def stat(self, path: Path) -> Node:
        """See `Storage.stat`. One call for a folder, two for a file, and one now and then to see whether one may look."""
        try:
            await self._ground.see(path)
            return await self._ground.node(path)
        except NotFound:
            raise self._missing(path) from None

    async def list(self, path: Path) -> Listing:
        """See `Storage.list`. One call, and one now and then to see whether one may look; one more for what is not there."""
        ground = self._ground
        try:
            found = await ground.container(path)
        except NotFound:
            if not path or not await has_room_made(ground, path):
                raise self._missing(path) from None
            found = await ground.container(path)
        if has_leftovers(found):
            ground.litter(path)
            found = await settled(ground, path, found)
        stable = ground.options.stable_ids
        if len(found.children) > _INLINE:
            nodes = await ground.instance.workers.run(nodes_of, found, stable)
        else:
            nodes = nodes_of(found, stable)
        return Listing(found.folder.node(str(found.folder.inode)), _pages(nodes))

    async def read(self, path: Path) -> Reader:
        """See `Storage.read`."""
        ground = self._ground
        await ground.see(path)
        found = await ground.entry(path)
        if found.is_folder:
            raise IsAFolder(f"{path}: this is a folder")
        full = ground.full(path)
        return EosReader(ground, full, found.node(await ground.id_of(full, found)), found.etag)

    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """See `Storage.write`."""
        return await write(self._ground, path, body, intent)

    async def make_folder(self, path: Path) -> Node:
        """See `Storage.make_folder`. A look first: EOS says of a folder that is there that it was made."""
        ground = self._ground
        if not path:
            raise AlreadyExists("the root is always there")
        check_new(path)
        full = ground.full(path)
        async with ground.making:
            if await ground.metadata.look(ground.who, full) is not None:
                raise AlreadyExists(f"{path}: the name is taken")
            await ground.see_parent(path)
            try:
                await ground.metadata.make_folder(ground.who, full)
            finally:
                ground.changed(path)
        return await ground.node(path)

    async def remove(self, path: Path) -> None:
        """See `Storage.remove`."""
        await moving.remove(self._ground, path)

    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """See `Storage.move`."""
        return await moving.move(self._ground, source, target, replace=replace)

    async def find(self, id: str) -> Path:
        """See `Find.find`. One call, and what `stat` needs to see whether one may know."""
        path = await self._ground.find(id)
        await self._ground.see(path)
        return path

    async def room(self) -> Room:
        """See `Quota.room`."""
        ground = self._ground
        return await ground.metadata.room(ground.who, ground.root)

    async def rights(self, folder: Path, names: Sequence[str]) -> Mapping[str, Permissions]:
        """See `Rights.rights`. From the listing that was just made, if there was one."""
        ground = self._ground
        rights: dict[str, Permissions] = {}
        if "" in names:
            await ground.see(folder)
            there = await ground.metadata.permitted(ground.who, ground.full(folder))
            if there is not None:
                rights[""] = told(there.letters)
        if any(names):
            found = await ground.listed(folder)
            children = {one.name: one for one in found.children}
            for label in names:
                if label in children:
                    rights[label] = within(found.folder, children[label], ground.persona)
        return rights

    def _missing(self, path: Path) -> ClawgateError:
        """Clients delete what they are told is not there: that the root is gone they are not told."""
        if path:
            return NotFound(f"{path}: there is no such file or folder")
        return StorageUnavailable("the folder of this space does not exist on the storage")

    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`."""
        return await sweep(self._ground, keep, older_than, time.time())


async def _pages(nodes: Sequence[Node]) -> AsyncIterator[Sequence[Node]]:
    for start in range(0, len(nodes), _PAGE):
        yield nodes[start : start + _PAGE]
