from __future__ import annotations

import time

import pytest
import pytest_twisted

from clawgate.index import schema
from clawgate.index.index import Index
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.state.engine import Database
from clawgate.storage.memory import MemoryStorage
from clawgate.storage.posix import PosixOptions, PosixStorage
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.storage.wrappers.metered import Metered
from clawgate.testing.conformance import SMALL, StorageConformance, body_of, children, put
from clawgate.testing.parts import sha1


class Stack(StorageConformance):
    """What the gateway works with."""

    @pytest_twisted.async_yield_fixture
    async def storage(self, raw, tmp_path, workers):
        database = Database(f"sqlite:///{tmp_path}/index.db", workers, schema.SCHEMA, synchronous="NORMAL")
        await database.start()
        index = await Index(database, 1000, 30.0).space("home$alice")
        yield Indexed(Metered(raw, lambda method, seconds, good: None), index, time.monotonic, 60.0)
        await database.stop()

    @pytest.mark.parametrize("path", ["new", "folder/new", "old", "folder/old"])
    async def test_what_was_published_before_the_index_heard_of_it(self, storage, path):
        await storage.make_folder(Path("folder"))
        for old in ("old", "folder/old"):
            await put(storage, old, b"old")
        before = {place: await storage.stat(Path(place)) for place in ("", "folder", "old", "folder/old")}
        parts, inner = storage.abilities.parts, storage.inner.abilities.parts
        handle = await parts.begin(None)
        await parts.write_at(handle, 0, body_of(SMALL))
        await inner.finish(handle, Path(path), Intent(compute=("SHA1",)))
        written = await parts.published(handle, Path(path))
        assert written.replaced is path.endswith("old")
        assert written.node == await storage.stat(Path(path))
        assert written.node.id
        assert written.node.checksums == str(sha1(SMALL))
        if path in before:
            assert written.node.id == before[path].id
            assert written.node.etag != before[path].etag
        root = await storage.stat(ROOT)
        assert root.etag != before[""].etag
        assert root.size == before[""].size + len(SMALL) - (3 if path in before else 0)
        folder = await storage.stat(Path("folder"))
        assert (folder.etag != before["folder"].etag) is path.startswith("folder/")
        assert await parts.published(handle, Path(path)) == written
        assert await storage.stat(ROOT) == root, "the second time it is no news"
        assert {name: node.id for name, node in (await children(storage, "folder")).items()} == {
            name: (await storage.stat(Path(f"folder/{name}"))).id for name in await children(storage, "folder")
        }
        assert await parts.published(handle, Path("folder")) is None


class TestOnPosix(Stack):
    @pytest.fixture
    def raw(self, tmp_path, workers):
        root = tmp_path / "files"
        root.mkdir()
        return PosixStorage(str(root), workers, PosixOptions(durability="none", trash="hidden", versions=True))


class TestInMemory(Stack):
    @pytest.fixture
    def raw(self):
        return MemoryStorage()
