"""Former content, which EOS keeps in a folder beside the file (eos.md, section 7.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import IsAFolder, NotFound
from ...interfaces import Reader, Version, Versions
from ...model.node import Node
from ...model.path import Path
from .ground import Ground
from .names import versions_of
from .reading import EosReader

_KEY = re.compile(r"\d{1,20}\.[0-9a-f]{8,16}")


class EosVersions(Versions):
    """See the module."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def list(self, path: Path) -> Sequence[Version]:
        """See `Versions.list`. Three calls."""
        await self._file(path)
        ground = self._ground
        try:
            found = await ground.metadata.container(ground.who, versions_of(ground.full(path)))
        except NotFound:
            return []
        versions = [
            Version(one.name, one.size, one.mtime * 10**9, one.etag)
            for one in found.children
            # That a file was empty once is nothing to come back to.
            if not one.is_folder and one.size and _KEY.fullmatch(one.name)
        ]
        return sorted(versions, key=lambda one: (int(one.key.partition(".")[0]), one.key), reverse=True)

    async def read(self, path: Path, key: str) -> Reader:
        """See `Versions.read`."""
        await self._file(path)
        ground = self._ground
        full = f"{versions_of(ground.full(path))}/{_checked(key)}"
        found = await ground.metadata.describe(ground.who, full)
        if found is None or found.is_folder:
            raise NotFound("there is no such version")
        return EosReader(ground, full, found.node(str(found.inode)), found.etag)

    async def restore(self, path: Path, key: str) -> Node:
        """See `Versions.restore`. EOS renames: no content is copied."""
        await self._file(path)
        ground = self._ground
        try:
            await ground.metadata.restore_version(ground.who, ground.full(path), _checked(key))
        finally:
            ground.changed(path)
        return await ground.node(path)

    async def _file(self, path: Path) -> None:
        ground = self._ground
        await ground.see(path)
        if (await ground.entry(path)).is_folder:
            raise IsAFolder(f"{path}: this is a folder")


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise NotFound("there is no such version")
    return key
