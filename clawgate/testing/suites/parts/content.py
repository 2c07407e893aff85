"""What is there after pieces came in whatever order."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest

from ....errors import UploadGone
from ....interfaces import Storage
from ....model.content import Checksum, Intent
from ....model.path import Path
from ...tools import LARGE, SMALL, Broken, body_of, breaking, needs, put, tree
from .pieces import PiecesSuite, sha1, written_over


@needs("parts")
class ContentConformance(PiecesSuite):
    """See `conformance.StorageConformance`."""

    async def test_parts_in_any_order(self, storage: Storage) -> None:
        parts = self.parts(storage)
        await put(storage, "file", b"old")
        handle = await parts.begin(len(LARGE))
        cuts = [0, 100, 200_000, 400_001, len(LARGE)]
        for first, end in reversed(list(pairwise(cuts))):
            assert await parts.write_at(handle, first, body_of(LARGE[first:end])) == end - first
        assert await tree(storage) == {"file": b"old"}
        sum = Checksum("SHA1", hashlib.sha1(LARGE).hexdigest())
        written = await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(sum,), mtime_ns=self.mtime))
        assert (written.replaced, written.node.mtime_ns, written.node.size) == (True, self.mtime, len(LARGE))
        await self.see_unchanged(storage, {"file": LARGE})
        for call in (parts.finish(handle, Path("new"), Intent()), parts.write_at(handle, 0, body_of(b"x"))):
            with pytest.raises(UploadGone):
                await call
        await self.see_unchanged(storage, {"file": LARGE})

    async def test_a_part_that_breaks_keeps_what_came(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(None)
        with pytest.raises(Broken):
            await parts.write_at(handle, 0, breaking(SMALL))
        await parts.write_at(handle, len(SMALL), body_of(b"more"))
        await parts.finish(handle, Path("file"), Intent())
        await self.see_unchanged(storage, {"file": SMALL + b"more"})

    async def test_holes_are_zeros(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await self.begun(storage, (300_000, SMALL), (10, SMALL))
        await parts.finish(handle, Path("file"), Intent())
        await self.see_unchanged(storage, {"file": written_over([(300_000, SMALL), (10, SMALL)])})

    async def test_an_empty_upload(self, storage: Storage) -> None:
        parts = self.parts(storage)
        for path, writes in (("a", ()), ("b", ((0, b""),)), ("c", ((5, b""),))):
            handle = await self.begun(storage, *writes, compute=("SHA1",))
            await parts.finish(handle, Path(path), Intent(size=0, checksums=(sha1(b""),)))
        await self.see_unchanged(storage, {"a": b"", "b": b"", "c": b""})
