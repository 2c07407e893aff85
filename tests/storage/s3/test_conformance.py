from __future__ import annotations

import pytest

from clawgate.errors import Forbidden, NotFound, StorageBroken
from clawgate.model.path import Path
from clawgate.testing.conformance import LARGE, MTIME, NAMES, SMALL, StorageConformance, put, tree


class OnS3(StorageConformance):
    lacks = frozenset({"quota", "trash", "versions"})
    unheld: frozenset[str] = frozenset()
    """Names that the service itself cannot hold."""

    async def leftovers(self, storage):
        return self.mounted.leftovers()

    @pytest.mark.parametrize("name", NAMES)
    async def test_names_come_back_as_they_were_given(self, storage, name):
        if name not in self.unheld:
            await super().test_names_come_back_as_they_were_given(storage, name)

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    async def test_a_reader_keeps_its_version(self, storage, content):
        """S3 keeps no version that was replaced: reading it fails, and gives no bytes of another one."""
        await put(storage, "file", content)
        reader = await storage.read(Path("file"))
        await put(storage, "file", content[::-1])
        with pytest.raises(StorageBroken):
            [chunk async for chunk in reader.stream()]
        await storage.remove(Path("file"))
        with pytest.raises(StorageBroken):
            [chunk async for chunk in reader.stream()]
        await reader.close()
        assert await tree(storage) == {}

    async def test_touch(self, storage):
        """Times are metadata: setting one changes neither mark nor etag. Folders have none."""
        await self.some(storage)
        before = await storage.stat(Path("file"))
        node = await self.times(storage).touch(Path("file"), MTIME + 1)
        assert node == await storage.stat(Path("file")) == before._replace(mtime_ns=MTIME + 1)
        with pytest.raises(Forbidden):
            await self.times(storage).touch(Path("a"), MTIME)
        with pytest.raises(NotFound):
            await self.times(storage).touch(Path("gone"), MTIME)


class TestSeaweed(OnS3):
    # It takes a backslash for a slash.
    unheld = frozenset(name for name in NAMES if "\\" in name)

    @pytest.fixture
    def storage(self, on_seaweed):
        self.mounted = on_seaweed
        return self.mounted.storage


class TestMoto(OnS3):
    # Nothing of what S3 is depends on the order of pieces: one service is enough for these.
    test_checksums_of_the_whole = None
    test_checksums_whatever_is_written = None
    # Its addresses have no line ends.
    unheld = frozenset({"new\nline"})

    @pytest.fixture
    def storage(self, on_moto):
        self.mounted = on_moto
        return self.mounted.storage
