"""What a storage has to do that keeps ids."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import hashlib

import pytest

from ...errors import NotFound
from ...interfaces import Storage
from ...model.path import ROOT, Path
from ..tools import LARGE, SMALL, needs, put, tree
from .sample import Sample


class IdsConformance(Sample):
    """See `conformance.StorageConformance`."""

    @needs("ids")
    async def test_ids_are_different(self, storage: Storage) -> None:
        ids = self.ids(storage)
        await self.some(storage)
        paths = ["", *await tree(storage)]
        assert len({await self.id_of(storage, path) for path in paths}) == len(paths)
        found = await ids.identify(ROOT, ["", "a", "gone", "file"])
        assert sorted(found) == ["", "a", "file"]
        assert found["a"] == (await ids.identify(Path("a"), [""]))[""]
        with pytest.raises(NotFound):
            await ids.identify(Path("gone"), [""])

    @needs("ids")
    async def test_ids_survive_moves(self, storage: Storage) -> None:
        await self.some(storage)
        moved, below, file = [await self.id_of(storage, path) for path in ("a", "a/deep/two", "file")]
        await storage.move(Path("a"), Path("b/moved"), replace=False)
        assert await self.id_of(storage, "b/moved") == moved
        assert await self.id_of(storage, "b/moved/deep/two") == below
        await storage.move(Path("file"), Path("other"), replace=True)
        assert await self.id_of(storage, "other") == file

    @needs("ids")
    async def test_ids_survive_overwrites(self, storage: Storage) -> None:
        ids = self.ids(storage)
        first = await put(storage, "file", b"1")
        id = await self.id_of(storage, "file")
        owns = {(await ids.identify(ROOT, ["file"]))["file"].own}
        assert first.identity is None or first.identity.id == id
        for content in (SMALL, LARGE):
            written = await put(storage, "file", content)
            identity = (await ids.identify(ROOT, ["file"]))["file"]
            assert written.identity is None or written.identity == identity
            assert identity.id == id
            owns.add(identity.own)
        assert len(owns) == 3
        await put(storage, "other", SMALL, id="an-id-of-ours")
        assert await self.id_of(storage, "other") == "an-id-of-ours"
        await storage.move(Path("other"), Path("file"), replace=True)
        assert await self.id_of(storage, "file") == "an-id-of-ours"

    @needs("ids")
    async def test_a_new_file_under_an_old_name_has_a_new_id(self, storage: Storage) -> None:
        self.ids(storage)
        await put(storage, "file", SMALL)
        id = await self.id_of(storage, "file")
        await storage.remove(Path("file"))
        await put(storage, "file", SMALL)
        assert await self.id_of(storage, "file") != id

    @needs("ids")
    async def test_ids_can_be_pinned(self, storage: Storage) -> None:
        ids = self.ids(storage)
        await self.some(storage)
        for path in ("file", "a"):
            await ids.pin(Path(path), f"pinned-{path}")
            assert await self.id_of(storage, path) == f"pinned-{path}"
        await storage.move(Path("a"), Path("c"), replace=False)
        assert await self.id_of(storage, "c") == "pinned-a"
        assert (await storage.stat(Path("file"))).mtime_ns == self.mtime
        with pytest.raises(NotFound):
            await ids.pin(Path("gone"), "x")

    @needs("ids")
    async def test_checksums_are_kept_with_the_content(self, storage: Storage) -> None:
        ids = self.ids(storage)
        await put(storage, "file", SMALL, compute=("SHA1",))
        checksums = f"SHA1:{hashlib.sha1(SMALL).hexdigest()}"
        assert (await ids.identify(ROOT, ["file"]))["file"].checksums == checksums
        if storage.abilities.times is not None:
            await storage.abilities.times.touch(Path("file"), self.mtime)
            assert (await ids.identify(ROOT, ["file"]))["file"].checksums == checksums
        await put(storage, "file", b"other")
        assert (await ids.identify(ROOT, ["file"]))["file"].checksums == ""
