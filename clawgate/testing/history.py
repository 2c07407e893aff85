"""What a storage has to do that keeps what was removed or overwritten."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest

from ..errors import AlreadyExists, IsAFolder, NotAFolder, NotFound, ParentMissing
from ..interfaces import Ids, Storage, Trash, Trashed, Versions
from ..model.path import ROOT, Path, split
from .tools import LARGE, SMALL, Suite, children, get, needs, put

KEY = re.compile(r"[A-Za-z0-9._:-]{1,200}\Z")

Act = Callable[..., Awaitable[object]]


async def trashed(trash: Trash) -> dict[str, Trashed]:
    """All that is in the trash, by where it was; of two at one place the younger."""
    found = [one async for page in trash.list() for one in page]
    return {one.origin: one for one in sorted(found, key=lambda one: one.removed)}


async def content_of(trash: Trash, key: str, path: str = "") -> bytes:
    """A file in the trash."""
    reader = await trash.read(key, Path(path))
    try:
        return b"".join([chunk async for chunk in reader.stream()])
    finally:
        await reader.close()


class HistoryConformance(Suite):
    """Part of `StorageConformance`: what takes the fixtures below is for storages that have these abilities."""

    sees_inside = True
    """Override: whether the inside of trashed folders can be looked at."""

    @pytest.fixture
    def trash(self, storage: Storage) -> Trash:
        if storage.abilities.trash is None:
            pytest.skip("this storage has no trash")
        return storage.abilities.trash

    @pytest.fixture
    def versions(self, storage: Storage) -> Versions:
        if storage.abilities.versions is None:
            pytest.skip("this storage has no versions")
        return storage.abilities.versions

    async def named(self, storage: Storage, path: str) -> str:
        """The id of a node, as the storage or its index has it."""
        node = await storage.stat(Path(path))
        if node.id:
            return node.id
        ids: Ids | None = storage.abilities.ids
        assert ids is not None
        folder, name = split(Path(path))
        return (await ids.identify(folder, [name]))[name].id

    # Trash

    async def test_what_is_discarded_is_gone_and_in_the_trash(self, storage: Storage, trash: Trash) -> None:
        await storage.make_folder(Path("folder"))
        await put(storage, "folder/file", SMALL, mtime_ns=self.mtime)
        id = await self.named(storage, "folder/file")
        await trash.discard(Path("folder/file"))
        assert await children(storage, "folder") == {}
        with pytest.raises(NotFound):
            await storage.stat(Path("folder/file"))
        found = await trashed(trash)
        assert list(found) == ["folder/file"]
        one = found["folder/file"]
        assert KEY.match(one.key)
        assert one == await trash.find(one.key)
        assert (one.node.name, one.node.size, one.node.mtime_ns, one.node.is_folder) == ("file", len(SMALL), self.mtime, False)
        assert one.node.id == id
        assert one.removed > 1_600_000_000

    async def test_discarding_what_is_not_there(self, storage: Storage, trash: Trash) -> None:
        await put(storage, "file", SMALL)
        for path in ("gone", "gone/deeper", "file/below"):
            with pytest.raises(NotFound):
                await trash.discard(Path(path))
        assert await trashed(trash) == {}

    async def test_it_comes_back_with_id_and_time(self, storage: Storage, trash: Trash) -> None:
        await put(storage, "file", LARGE, mtime_ns=self.mtime)
        id = await self.named(storage, "file")
        await trash.discard(Path("file"))
        key = (await trashed(trash))["file"].key
        node = await trash.restore(key, Path("file"), replace=False)
        assert (node.name, node.size, node.mtime_ns) == ("file", len(LARGE), self.mtime)
        assert await get(storage, "file") == LARGE
        assert await self.named(storage, "file") == id
        assert await trashed(trash) == {}
        with pytest.raises(NotFound):
            await trash.restore(key, Path("again"), replace=False)

    async def test_an_overwritten_file_comes_back_with_its_id(self, storage: Storage, trash: Trash) -> None:
        await put(storage, "file", b"old")
        id = await self.named(storage, "file")
        await put(storage, "file", SMALL)
        await trash.discard(Path("file"))
        await put(storage, "file", b"another")
        assert await self.named(storage, "file") != id
        key = (await trashed(trash))["file"].key
        await trash.restore(key, Path("other"), replace=False)
        assert await self.named(storage, "other") == id
        assert await get(storage, "other") == SMALL

    async def test_a_folder_comes_back_with_all_below(self, storage: Storage, trash: Trash) -> None:
        await storage.make_folder(Path("a"))
        await storage.make_folder(Path("a/b"))
        await put(storage, "a/b/file", SMALL)
        await put(storage, "a/more", LARGE)
        ids = {path: await self.named(storage, path) for path in ("a", "a/b", "a/b/file", "a/more")}
        await trash.discard(Path("a"))
        assert await children(storage) == {}
        found = await trashed(trash)
        assert list(found) == ["a"]
        assert found["a"].node.is_folder
        await storage.make_folder(Path("new"))
        await trash.restore(found["a"].key, Path("new/a"), replace=False)
        assert sorted(await children(storage, "new/a")) == ["b", "more"]
        assert await children(storage, "new/a/b")
        assert await get(storage, "new/a/b/file") == SMALL
        for path, id in ids.items():
            assert await self.named(storage, f"new/{path}") == id

    async def test_where_it_cannot_come_back(self, storage: Storage, trash: Trash) -> None:
        await storage.make_folder(Path("folder"))
        await put(storage, "folder/file", SMALL)
        await trash.discard(Path("folder/file"))
        await put(storage, "taken", b"taken")
        key = (await trashed(trash))["folder/file"].key
        with pytest.raises(AlreadyExists):
            await trash.restore(key, Path("taken"), replace=False)
        with pytest.raises(ParentMissing):
            await trash.restore(key, Path("gone/file"), replace=False)
        with pytest.raises(ParentMissing):
            await trash.restore(key, Path("taken/file"), replace=True)
        assert (await trash.find(key)).origin == "folder/file"
        assert await get(storage, "taken") == b"taken"
        for unknown in ("unknown", "..", "x-0", "", "1-" + "0" * 32):
            with pytest.raises(NotFound):
                await trash.restore(unknown, Path("new"), replace=False)

    @pytest.mark.parametrize("there", ["file", "folder"])
    async def test_what_it_replaces_goes_into_the_trash(self, storage: Storage, trash: Trash, there: str) -> None:
        await put(storage, "target", SMALL)
        id = await self.named(storage, "target")
        await trash.discard(Path("target"))
        key = (await trashed(trash))["target"].key
        if there == "file":
            await put(storage, "target", b"replaced")
        else:
            await storage.make_folder(Path("target"))
            await put(storage, "target/inner", b"replaced")
        await trash.restore(key, Path("target"), replace=True)
        assert await get(storage, "target") == SMALL
        assert await self.named(storage, "target") == id
        found = await trashed(trash)
        assert list(found) == ["target"]
        assert found["target"].node.is_folder is (there == "folder")
        assert found["target"].key != key

    async def test_purging(self, storage: Storage, trash: Trash) -> None:
        await storage.make_folder(Path("folder"))
        await put(storage, "folder/file", SMALL)
        await put(storage, "kept", SMALL)
        await trash.discard(Path("folder"))
        await trash.discard(Path("kept"))
        found = await trashed(trash)
        await trash.purge(found["folder"].key)
        assert list(await trashed(trash)) == ["kept"]
        for key in (found["folder"].key, "unknown", ".."):
            with pytest.raises(NotFound):
                await trash.purge(key)

    @pytest.mark.parametrize("new", ["file", "folder"])
    @pytest.mark.parametrize("old", ["file", "folder"])
    async def test_what_a_move_replaces(self, storage: Storage, trash: Trash, new: str, old: str) -> None:
        await self.replace_and_restore(storage, trash, storage.move, new, old)

    @needs("copy")
    @pytest.mark.parametrize("new", ["file", "folder"])
    @pytest.mark.parametrize("old", ["file", "folder"])
    async def test_what_a_copy_replaces(self, storage: Storage, trash: Trash, new: str, old: str) -> None:
        if storage.abilities.copy is None:
            pytest.skip("this storage does not copy")
        await self.replace_and_restore(storage, trash, storage.abilities.copy.copy, new, old)

    async def replace_and_restore(self, storage: Storage, trash: Trash, act: Act, new: str, old: str) -> None:
        """Put something in the place of something else, which comes back from the trash."""
        for name, kind in (("new", new), ("old", old)):
            if kind == "file":
                await put(storage, name, name.encode())
            else:
                await storage.make_folder(Path(name))
                await put(storage, f"{name}/inner", name.encode())
        id = await self.named(storage, "old")
        await act(Path("new"), Path("old"), replace=True)
        assert await get(storage, "old" if new == "file" else "old/inner") == b"new"
        found = await trashed(trash)
        assert list(found) == ["old"]
        assert found["old"].node.id == id
        await trash.restore(found["old"].key, Path("back"), replace=False)
        assert await get(storage, "back" if old == "file" else "back/inner") == b"old"
        assert await self.named(storage, "back") == id

    async def test_the_inside_of_a_trashed_folder(self, storage: Storage, trash: Trash) -> None:
        if not self.sees_inside:
            pytest.skip("the inside cannot be looked at")
        await storage.make_folder(Path("a"))
        await storage.make_folder(Path("a/b"))
        await put(storage, "a/b/file", LARGE)
        await put(storage, "alone", SMALL)
        await trash.discard(Path("a"))
        await trash.discard(Path("alone"))
        found = await trashed(trash)
        key = found["a"].key
        assert (await trash.look(key, ROOT)).is_folder
        assert [node.name for node in await trash.inside(key, ROOT)] == ["b"]
        (file,) = await trash.inside(key, Path("b"))
        assert (file.name, file.size) == ("file", len(LARGE))
        assert (await trash.look(key, Path("b/file"))).size == len(LARGE)
        assert await content_of(trash, key, "b/file") == LARGE
        assert await content_of(trash, found["alone"].key) == SMALL
        with pytest.raises(IsAFolder):
            await trash.read(key, Path("b"))
        with pytest.raises(NotAFolder):
            await trash.inside(found["alone"].key, ROOT)
        for call in (trash.look, trash.inside, trash.read):
            with pytest.raises(NotFound):
                await call(key, Path("gone"))
            with pytest.raises(NotFound):
                await call("unknown", ROOT)

    # Versions

    async def former(self, versions: Versions, path: str) -> list[bytes]:
        """The content of all versions, the newest first."""
        found = []
        for version in await versions.list(Path(path)):
            reader = await versions.read(Path(path), version.key)
            try:
                content = b"".join([chunk async for chunk in reader.stream()])
                assert (reader.node.size, reader.node.mtime_ns) == (version.size, version.mtime_ns)
                assert b"".join([chunk async for chunk in reader.stream(1, 3)]) == content[1:3]
            finally:
                await reader.close()
            assert len(content) == version.size
            assert KEY.match(version.key)
            found.append(content)
        return found

    async def test_what_is_overwritten_becomes_a_version(self, storage: Storage, versions: Versions) -> None:
        await put(storage, "file", LARGE, mtime_ns=self.mtime)
        assert not await versions.list(Path("file"))
        await put(storage, "file", SMALL)
        assert await self.former(versions, "file") == [LARGE]
        assert (await versions.list(Path("file")))[0].mtime_ns == self.mtime
        assert (await storage.stat(Path("file"))).size == len(SMALL)
        assert list(await children(storage)) == ["file"]

    async def test_nothing_becomes_no_version(self, storage: Storage, versions: Versions) -> None:
        await put(storage, "file", b"")
        await put(storage, "file", SMALL)
        assert await self.former(versions, "file") == []

    async def test_versions_of_what_has_none(self, storage: Storage, versions: Versions) -> None:
        await storage.make_folder(Path("folder"))
        await put(storage, "file", SMALL)
        with pytest.raises(IsAFolder):
            await versions.list(Path("folder"))
        with pytest.raises(NotFound):
            await versions.list(Path("gone"))
        for key in ("unknown", "..", "", "0", "1.000000000"):
            with pytest.raises(NotFound):
                await versions.read(Path("file"), key)
            with pytest.raises(NotFound):
                await versions.restore(Path("file"), key)

    async def test_a_version_becomes_the_present_one(self, storage: Storage, versions: Versions) -> None:
        await put(storage, "file", LARGE, mtime_ns=self.mtime)
        id = await self.named(storage, "file")
        await put(storage, "file", SMALL, mtime_ns=self.mtime + 5_000_000_000)
        before = await storage.stat(Path("file"))
        (version,) = await versions.list(Path("file"))
        node = await versions.restore(Path("file"), version.key)
        assert (node.name, node.size, node.mtime_ns) == ("file", len(LARGE), self.mtime)
        assert await get(storage, "file") == LARGE
        assert await self.named(storage, "file") == id
        assert (await storage.stat(Path("file"))).seen != before.seen
        assert SMALL in await self.former(versions, "file")

    async def test_versions_go_along(self, storage: Storage, versions: Versions, trash: Trash) -> None:
        await put(storage, "file", LARGE)
        await put(storage, "file", SMALL)
        await storage.make_folder(Path("folder"))
        await storage.move(Path("file"), Path("folder/moved"), replace=False)
        assert await self.former(versions, "folder/moved") == [LARGE]
        await trash.discard(Path("folder"))
        key = (await trashed(trash))["folder"].key
        await trash.restore(key, Path("back"), replace=False)
        assert await self.former(versions, "back/moved") == [LARGE]

    async def test_a_new_file_has_no_versions(self, storage: Storage, versions: Versions) -> None:
        await put(storage, "file", LARGE)
        await put(storage, "file", SMALL)
        await storage.remove(Path("file"))
        await put(storage, "file", b"another")
        assert await self.former(versions, "file") == []

    async def test_versions_expire(self, storage: Storage, versions: Versions) -> None:
        await put(storage, "file", LARGE)
        await put(storage, "file", SMALL)
        assert await versions.expire(0) == 0
        assert await self.former(versions, "file") == [LARGE]
