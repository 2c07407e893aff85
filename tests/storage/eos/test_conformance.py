from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import Forbidden, Locked, NotFound, StorageBroken
from clawgate.interfaces import Storage
from clawgate.model.content import Written
from clawgate.model.path import Path
from clawgate.testing import parts
from clawgate.testing.conformance import LARGE, MTIME, NAMES, SMALL, StorageConformance, get, outcomes, put, tree

SECOND = 10**9


class TestEos(StorageConformance):
    lacks = frozenset({"ids", "copy", "times"})
    mtime = MTIME // SECOND * SECOND
    """EOS keeps modification times to the second when they are set over HTTP."""

    @pytest_twisted.async_yield_fixture
    async def mounted(self, mounting):
        """As the settings have it: files keep their ids when they are overwritten."""
        yield await mounting(options={"stable_ids": True})

    @pytest.fixture
    def storage(self, eos, mounted):
        self.mounted = mounted
        return eos

    async def test_purging(self, storage, trash):
        """Over HTTP EOS lets nobody do it, and what is there stays."""
        await put(storage, "file", SMALL)
        await trash.discard(Path("file"))
        (one,) = [one async for page in trash.list() for one in page]
        with pytest.raises(Forbidden):
            await trash.purge(one.key)
        assert await trash.find(one.key) == one
        for key in ("unknown", "..", "fxid:00000000000000ff", "pxid:0000000000000001"):
            with pytest.raises(NotFound):
                await trash.purge(key)

    async def leftovers(self, storage):
        return [name for name in self.mounted.double.names(self.mounted.root) if name.startswith(".sys.reva#.")]

    @pytest.mark.parametrize("name", [name for name in NAMES if "\n" not in name])
    async def test_names_come_back_as_they_were_given(self, storage, name):
        """EOS refuses line ends."""
        await super().test_names_come_back_as_they_were_given(storage, name)

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    async def test_a_reader_keeps_its_version(self, storage, content):
        """EOS keeps no content open: reading what was replaced fails, and gives no bytes of another version."""
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

    @pytest.mark.parametrize("version", ["5.3"], indirect=True)
    @pytest.mark.parametrize("order", parts.ORDERS)
    async def test_checksums_of_the_whole(self, storage, order, version):
        """Nothing of it depends on the version; it takes long."""
        await super().test_checksums_of_the_whole(storage, order)

    async def test_the_time_is_kept_to_the_nanosecond(self, storage):
        """To the second."""
        for content in (SMALL, LARGE):
            written = await put(storage, "file", content, mtime_ns=MTIME)
            assert written.node.mtime_ns == MTIME // SECOND * SECOND
            assert (await storage.stat(Path("file"))).mtime_ns == MTIME // SECOND * SECOND

    async def test_unconditional_writers_never_mix(self, storage: Storage):
        """Of those that overlap EOS takes the one that was opened last; the others are told."""
        contents = [bytes([65 + n]) * 200_000 for n in range(8)]
        results = await outcomes(put(storage, "file", content) for content in contents)
        winners = [content for content, result in zip(contents, results, strict=True) if isinstance(result, Written)]
        assert winners
        assert all(isinstance(result, (Written, Locked)) for result in results)
        assert await get(storage, "file") in winners
        assert await self.leftovers(storage) == []
