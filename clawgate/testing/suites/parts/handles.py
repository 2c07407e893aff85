"""Uploads that are given up or lost, and handles, lengths and offsets that are none."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ....errors import QuotaExceeded, UploadGone
from ....interfaces import Storage
from ....model.content import Intent, Written
from ....model.path import Path
from ...tools import LARGE, SMALL, body_of, needs, put
from .pieces import NO_HANDLES, PiecesSuite, sha1


@needs("parts")
class HandlesConformance(PiecesSuite):
    """See `conformance.StorageConformance`."""

    async def test_parts_can_be_given_up(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(None)
        await parts.write_at(handle, 0, body_of(SMALL))
        await parts.abort(handle)
        await parts.abort(handle)
        await parts.abort("../../etc/passwd")
        with pytest.raises(UploadGone):
            await parts.write_at("no such handle", 0, body_of(SMALL))
        await self.see_unchanged(storage, {})

    @needs("janitor")
    async def test_the_janitor_keeps_what_is_named(self, storage: Storage) -> None:
        parts = self.parts(storage)
        if storage.abilities.janitor is None:
            pytest.skip("no janitor")
        await put(storage, "file", SMALL)
        kept, lost = await parts.begin(None), await parts.begin(None)
        await parts.write_at(kept, 0, body_of(LARGE))
        assert await storage.abilities.janitor.sweep(frozenset(), 3600) == 0
        assert await storage.abilities.janitor.sweep(frozenset({kept}), 0) == 1
        with pytest.raises(UploadGone):
            await parts.finish(lost, Path("new"), Intent())
        await parts.finish(kept, Path("new"), Intent())
        await self.see_unchanged(storage, {"file": SMALL, "new": LARGE})

    async def test_absurd_lengths_and_offsets(self, storage: Storage) -> None:
        parts = self.parts(storage)
        for size in (1 << 60, (1 << 63) - 1, 1 << 63, 1 << 70):
            with pytest.raises(QuotaExceeded):
                await parts.begin(size)
        handle = await self.begun(storage, (0, SMALL), compute=("SHA1",))
        for offset in ((1 << 63) - 5, (1 << 63) - 1, 1 << 63, 1 << 70):
            with pytest.raises(QuotaExceeded):
                await parts.write_at(handle, offset, body_of(SMALL))
        written: Written = await parts.finish(handle, Path("file"), Intent(checksums=(sha1(SMALL),)))
        assert written.node.size == len(SMALL)
        await self.see_unchanged(storage, {"file": SMALL})

    async def test_what_is_no_handle(self, storage: Storage) -> None:
        parts = self.parts(storage)
        for handle in NO_HANDLES:
            with pytest.raises(UploadGone):
                await parts.write_at(handle, 0, body_of(SMALL))
            with pytest.raises(UploadGone):
                await parts.write_at(handle, 0, body_of(b""))
            with pytest.raises(UploadGone):
                await parts.finish(handle, Path("file"), Intent())
            await parts.abort(handle)
        await self.see_unchanged(storage, {})
