"""What a storage has to say of what is there and what is not."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ...errors import ClawgateError, InvalidRequest, IsAFolder, NotAFolder, NotFound
from ...interfaces import Storage
from ...model.content import Intent
from ...model.node import Kind
from ...model.path import ROOT, Path
from ..tools import LARGE, NAMES, SMALL, Suite, children, forbidden, get, put, tree


class LookingConformance(Suite):
    """See `conformance.StorageConformance`."""

    async def test_root_is_an_empty_folder(self, storage: Storage) -> None:
        root = await storage.stat(ROOT)
        assert (root.name, root.kind) == ("", Kind.FOLDER)
        listing = await storage.list(ROOT)
        assert listing.folder.is_folder
        assert [node async for page in listing.pages for node in page] == []

    async def test_a_listing_and_stat_say_the_same(self, storage: Storage) -> None:
        await storage.make_folder(Path("folder"))
        await put(storage, "folder/file", SMALL, mtime_ns=self.mtime)
        await put(storage, "folder/large", LARGE)
        await storage.make_folder(Path("folder/inner"))
        found = await children(storage, "folder")
        assert sorted(found) == ["file", "inner", "large"]
        for name, node in found.items():
            once = await storage.stat(Path(f"folder/{name}"))
            assert once._replace(checksums="") == node._replace(checksums="")
        assert found["file"].size == len(SMALL)
        assert found["file"].mtime_ns == self.mtime
        assert found["file"].kind is Kind.FILE
        assert found["inner"].kind is Kind.FOLDER

    async def test_a_listing_may_be_left_unread(self, storage: Storage) -> None:
        await put(storage, "a", SMALL)
        assert (await storage.list(ROOT)).folder.is_folder

    @pytest.mark.parametrize("path", ["gone", "gone/deeper", "file/below"])
    async def test_nothing_is_there(self, storage: Storage, path: str) -> None:
        await put(storage, "file", SMALL)
        for call in (storage.stat, storage.list, storage.read, storage.remove):
            with pytest.raises(NotFound):
                await call(Path(path))
        with pytest.raises(NotFound):
            await storage.move(Path(path), Path("new"), replace=True)

    async def test_a_file_is_no_folder_and_a_folder_no_file(self, storage: Storage) -> None:
        await put(storage, "file", SMALL)
        await storage.make_folder(Path("folder"))
        with pytest.raises(NotAFolder):
            await storage.list(Path("file"))
        with pytest.raises(IsAFolder):
            await storage.read(Path("folder"))
        with pytest.raises(IsAFolder):
            await put(storage, "folder", SMALL)
        with pytest.raises(IsAFolder):
            await storage.write(Path("folder"), forbidden(), Intent(size=len(LARGE)))
        with pytest.raises(ClawgateError):
            await put(storage, "", SMALL)

    @pytest.mark.parametrize("name", NAMES)
    async def test_names_come_back_as_they_were_given(self, storage: Storage, name: str) -> None:
        await storage.make_folder(Path(name))
        await put(storage, f"{name}/{name}", SMALL)
        assert list(await children(storage)) == [name]
        assert list(await children(storage, name)) == [name]
        assert (await storage.stat(Path(f"{name}/{name}"))).name == name
        await storage.move(Path(name), Path("moved"), replace=False)
        assert await get(storage, f"moved/{name}") == SMALL

    async def test_spellings_of_one_letter_are_different_names(self, storage: Storage) -> None:
        composed, decomposed = NAMES[4], NAMES[5]
        await put(storage, composed, b"composed")
        await put(storage, decomposed, b"decomposed")
        assert await tree(storage) == {composed: b"composed", decomposed: b"decomposed"}

    async def test_a_name_too_long_is_refused(self, storage: Storage) -> None:
        for name in ("a" * 256, "é" * 128):
            with pytest.raises((InvalidRequest, NotFound)):
                await storage.stat(Path(name))
