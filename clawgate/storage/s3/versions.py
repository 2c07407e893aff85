"""Former content of files, where the bucket keeps versions.

What is kept under a key may be of another file that had this name before. A version belongs to the file that is there now if it
has its id, or if nothing was deleted in between.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence

from ...errors import IsAFolder, NotFound
from ...interfaces import Reader, Version, Versions
from ...model.node import Node
from ...model.path import Path, name
from . import former
from .copying import copy_object
from .facts import Facts, wire_etag
from .former import Kept
from .ground import Ground
from .parallel import each
from .reading import S3Reader

_KEY = re.compile(r"[A-Za-z0-9._-]{1,200}")
_REMEMBERED = 10_000
"""Versions whose metadata are remembered."""


class S3Versions(Versions):
    """Of the bucket below one prefix. How long versions stay the bucket's lifecycle says."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._facts: OrderedDict[tuple[str, str], Facts] = OrderedDict()

    async def list(self, path: Path) -> Sequence[Version]:
        """See `Versions.list`. A call a thousand versions, and one for each that was not asked for before: the times that files
        were given are in their metadata."""
        return [
            Version(facts.version, facts.size, facts.mtime_ns, wire_etag(facts.etag, facts.size))
            for facts in await self._former(path)
        ]

    async def read(self, path: Path, key: str) -> Reader:
        """See `Versions.read`."""
        return S3Reader(self._ground.exchange, await self._find(path, key), name(path))

    async def restore(self, path: Path, key: str) -> Node:
        """See `Versions.restore`. The service copies the version onto the object."""
        ground = self._ground
        facts = await self._find(path, key)
        async with ground.locks.hold(facts.key):
            present = await ground.file(facts.key)
            if present is None:
                raise NotFound(f"{path}: there is no such file or folder")
            made = await copy_object(ground, facts, facts.key, present.id, secrets.token_hex(8))
        ground.changed(path)
        return made.node(name(path))

    async def _find(self, path: Path, key: str) -> Facts:
        found = next((facts for facts in await self._former(path) if facts.version == key), None)
        if found is None:
            raise NotFound(f"{path}: there is no such version")
        return found

    async def _former(self, path: Path) -> Sequence[Facts]:
        ground = self._ground
        if (await ground.node(path)).is_folder:
            raise IsAFolder(f"{path}: folders have no versions")
        kept = await former.of_key(ground, ground.keys.key(path)[0])
        present = next((one for one in kept if one.latest and not one.marker), None)
        if present is None:
            raise NotFound(f"{path}: there is no such file or folder")
        now = await self._known(present)
        old: list[Kept] = []
        etag = present.etag
        for one in kept:
            # What was written again with other metadata is no other content.
            if not one.marker and one is not present and one.size and one.etag != etag and _KEY.fullmatch(one.version):
                old.append(one)
            if not one.marker:
                etag = one.etag
        facts = await each(old, self._known, ground.options.parallel)
        return [
            fact for one, fact in zip(old, facts, strict=True) if fact.id == now.id or not former.is_apart(kept, one, present)
        ]

    async def _known(self, kept: Kept) -> Facts:
        at = kept.key, kept.version
        facts = self._facts.get(at)
        # What had no version when the bucket began to keep them may be replaced.
        if facts is None or facts.etag != kept.etag:
            facts = self._facts[at] = await former.facts_of(self._ground, *at)
            if len(self._facts) > _REMEMBERED:
                self._facts.popitem(last=False)
        return facts
