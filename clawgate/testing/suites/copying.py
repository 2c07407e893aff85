"""What a storage has to do that copies by itself."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ...errors import InvalidRequest, NotFound, ParentMissing
from ...interfaces import Copy, Storage
from ...model.node import Kind
from ...model.path import Path
from ..tools import LARGE, needs, put, tree
from .sample import REPLACED, Sample


class CopyingConformance(Sample):
    """See `conformance.StorageConformance`."""

    def copies(self, storage: Storage) -> Copy:
        """The ability, or the test is skipped."""
        if storage.abilities.copy is None:
            pytest.skip("no copies")
        return storage.abilities.copy

    @needs("copy")
    @pytest.mark.parametrize(("source", "target"), REPLACED)
    async def test_replacing_by_a_copy(self, storage: Storage, source: str, target: str) -> None:
        await self.replace(storage, self.copies(storage).copy, source, target, stays=True)

    @needs("copy")
    async def test_copy(self, storage: Storage) -> None:
        copies = self.copies(storage)
        await self.some(storage)
        await put(storage, "a/large", LARGE)
        before = await tree(storage)
        node = await copies.copy(Path("a"), Path("b/copy"), replace=False)
        assert (node.name, node.kind) == ("copy", Kind.FOLDER)
        file = await copies.copy(Path("file"), Path("file copy"), replace=False)
        assert (file.mtime_ns, file.size) == (self.mtime, 4)
        shallow = await copies.copy(Path("a"), Path("shallow"), replace=False, deep=False)
        assert shallow.is_folder
        expected = before | {path.replace("a", "b/copy", 1): before[path] for path in before if path.split("/")[0] == "a"}
        await self.see_unchanged(storage, expected | {"file copy": b"file", "shallow": None})
        assert (await storage.stat(Path("b/copy/deep/two"))).mtime_ns == self.mtime
        if storage.abilities.ids is not None:
            assert await self.id_of(storage, "a/one") != await self.id_of(storage, "b/copy/one")
            assert await self.id_of(storage, "a") != await self.id_of(storage, "b/copy")

    @needs("copy")
    async def test_copies_of_what_is_not_there_or_cannot_be(self, storage: Storage) -> None:
        copies = self.copies(storage)
        await self.some(storage)
        before = await tree(storage)
        with pytest.raises(NotFound):
            await copies.copy(Path("gone"), Path("new"), replace=True)
        with pytest.raises(ParentMissing):
            await copies.copy(Path("file"), Path("gone/new"), replace=True)
        for source, target in (("a", "a/new"), ("a", "a/deep"), ("a/deep", "a"), ("a", "a"), ("", "new")):
            with pytest.raises(InvalidRequest):
                await copies.copy(Path(source), Path(target), replace=True)
        await self.see_unchanged(storage, before)
