from __future__ import annotations

import os

import pytest
import pytest_twisted

from clawgate.errors import RangeNotSatisfiable, StorageBroken
from clawgate.model.path import Path
from clawgate.testing.conformance import LARGE, put


async def collect(reader, act=None):
    found = []
    async for chunk in reader.stream():
        if act and not found:
            act()
        found.append(chunk)
    return b"".join(found)


@pytest.mark.parametrize("change", ["shorter", "longer", "other"])
@pytest_twisted.ensureDeferred
async def test_a_change_in_place_cuts_the_transfer(root, make, change):
    storage = make(block_bytes=65536)
    await put(storage, "file", LARGE)

    def act():
        with (root / "file").open("r+b") as file:
            if change == "shorter":
                file.truncate(1000)
            elif change == "longer":
                file.seek(0, os.SEEK_END)
                file.write(b"more")
            else:
                file.write(b"other")

    reader = await storage.read(Path("file"))
    with pytest.raises(StorageBroken):
        await collect(reader, act)
    await reader.close()


@pytest_twisted.ensureDeferred
async def test_a_replacement_does_not(root, make):
    storage = make(block_bytes=65536)
    await put(storage, "file", LARGE)
    reader = await storage.read(Path("file"))
    assert await collect(reader, (root / "file").unlink) == LARGE
    await reader.close()


@pytest_twisted.ensureDeferred
async def test_large_files_can_be_sent_by_descriptor(root, make):
    storage = make(small_bytes=10)
    await put(storage, "large", b"0123456789abc")
    await put(storage, "small", b"0123456789")
    reader = await storage.read(Path("large"))
    fd, first, stop = reader.slice(3, 6)
    assert os.pread(fd, stop - first, first) == b"345"
    with pytest.raises(RangeNotSatisfiable):
        await anext(reader.stream(14))
    await reader.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)
    reader = await storage.read(Path("small"))
    assert reader.slice(3, 6) is None
    assert await collect(reader) == b"0123456789"
    await reader.close()
