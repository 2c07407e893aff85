"""How an upload is recognised that was published, by whoever was killed before noting it."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ....interfaces import Storage
from ....model.content import Intent
from ....model.path import ROOT, Path
from ...tools import LARGE, SMALL, needs, put
from .pieces import NO_HANDLES, PIECES, PiecesSuite, sha1


@needs("parts")
class PublishedConformance(PiecesSuite):
    """See `conformance.StorageConformance`."""

    async def test_the_outcome_of_what_was_published(self, storage: Storage) -> None:
        parts = self.parts(storage)
        await put(storage, "old", b"old")
        await storage.make_folder(Path("folder"))
        for path in ("new", "old"):
            handle = await self.begun(storage, *PIECES)
            assert await parts.published(handle, Path(path)) is None
            intent = Intent(checksums=(sha1(LARGE),), mtime_ns=self.mtime)
            written = await parts.finish(handle, Path(path), intent)
            found = await parts.published(handle, Path(path))
            assert found is not None
            assert found.node == written.node
            assert found.identity == written.identity
            if storage.abilities.ids is not None:
                assert found.replaced is written.replaced is (path == "old")
                identity = (await storage.abilities.ids.identify(ROOT, [path]))[path]
                assert found.identity in (None, identity)
            for elsewhere in ("folder", "gone", "gone/file", "new/below", ""):
                assert await parts.published(handle, Path(elsewhere)) is None
            for no in NO_HANDLES:
                assert await parts.published(no, Path(path)) is None
            other = await self.begun(storage)
            assert await parts.published(other, Path(path)) is None
            await parts.abort(other)
        await self.see_unchanged(storage, {"new": LARGE, "old": LARGE, "folder": None})

    @pytest.mark.parametrize("act", ["put", "upload", "move", "remove", "replace"])
    async def test_what_was_published_is_not_there_any_more(self, storage: Storage, act: str) -> None:
        parts = self.parts(storage)
        handle = await self.begun(storage, (0, SMALL))
        await parts.finish(handle, Path("file"), Intent())
        if act == "put":
            await put(storage, "file", SMALL)
        elif act == "upload":
            await parts.finish(await self.begun(storage, (0, SMALL)), Path("file"), Intent())
        elif act == "move":
            await storage.move(Path("file"), Path("elsewhere"), replace=False)
        elif act == "remove":
            await storage.remove(Path("file"))
        else:
            await put(storage, "other", SMALL)
            await storage.move(Path("other"), Path("file"), replace=True)
        assert await parts.published(handle, Path("file")) is None
