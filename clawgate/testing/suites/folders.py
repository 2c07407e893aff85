"""What a storage has to do with folders."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ...errors import AlreadyExists, ClawgateError
from ...interfaces import Storage
from ...model.node import Kind
from ...model.path import ROOT, Path
from ..tools import SMALL, Suite, put, tree


class FoldersConformance(Suite):
    """See `conformance.StorageConformance`."""

    async def test_make_folder(self, storage: Storage) -> None:
        node = await storage.make_folder(Path("folder"))
        assert (node.name, node.kind) == ("folder", Kind.FOLDER)
        await put(storage, "file", SMALL)
        for path in ("folder", "file", ""):
            with pytest.raises(AlreadyExists):
                await storage.make_folder(Path(path))
        await self.see_unchanged(storage, {"folder": None, "file": SMALL})

    async def test_a_folder_is_seen_to_change(self, storage: Storage) -> None:
        async def mark() -> str:
            node = await storage.stat(Path("folder"))
            return node.etag or node.seen

        await storage.make_folder(Path("folder"))
        marks = {await mark()}
        await put(storage, "folder/a", SMALL)
        marks.add(await mark())
        await storage.remove(Path("folder/a"))
        marks.add(await mark())
        assert len(marks) == 3

    async def test_remove(self, storage: Storage) -> None:
        for path in ("folder", "folder/inner"):
            await storage.make_folder(Path(path))
        await put(storage, "folder/inner/file", SMALL)
        await put(storage, "file", SMALL)
        await storage.remove(Path("folder"))
        assert await tree(storage) == {"file": SMALL}
        await storage.remove(Path("file"))
        await self.see_unchanged(storage, {})
        with pytest.raises(ClawgateError):
            await storage.remove(ROOT)
