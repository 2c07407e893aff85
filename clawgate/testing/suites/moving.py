"""What a storage has to do when something is moved."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ...errors import ClawgateError, InvalidRequest
from ...interfaces import Storage
from ...model.path import ROOT, Path, split
from ..tools import tree
from .sample import REPLACED, Sample


class MovingConformance(Sample):
    """See `conformance.StorageConformance`."""

    async def test_move(self, storage: Storage) -> None:
        await self.some(storage)
        for source, target in (("file", "renamed"), ("renamed", "a/file"), ("a", "b/a"), ("b/a/deep", "deep")):
            node = await storage.move(Path(source), Path(target), replace=False)
            assert node.name == split(Path(target))[1]
        assert await tree(storage) == {
            "b": None,
            "b/a": None,
            "b/a/file": b"file",
            "b/a/one": b"a/one",
            "b/three": b"b/three",
            "deep": None,
            "deep/two": b"a/deep/two",
            "other": b"other",
        }
        assert (await storage.stat(Path("b/a/file"))).mtime_ns == self.mtime

    @pytest.mark.parametrize(("source", "target"), REPLACED)
    async def test_replacing(self, storage: Storage, source: str, target: str) -> None:
        await self.replace(storage, storage.move, source, target, stays=False)

    async def test_nothing_goes_into_itself(self, storage: Storage) -> None:
        await self.some(storage)
        before = await tree(storage)
        for source, target in (("a", "a/new"), ("a", "a/deep"), ("a", "a/deep/new"), ("a/deep", "a"), ("a/deep/two", "a")):
            with pytest.raises(InvalidRequest):
                await storage.move(Path(source), Path(target), replace=True)
        with pytest.raises(ClawgateError):
            await storage.move(ROOT, Path("a"), replace=True)
        with pytest.raises(ClawgateError):
            await storage.move(Path("a"), ROOT, replace=True)
        assert (await storage.move(Path("a"), Path("a"), replace=True)).name == "a"
        await self.see_unchanged(storage, before)
