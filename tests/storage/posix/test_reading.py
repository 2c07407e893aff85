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
async def test_an_id_that_is_written_after_opening_is_no_change(root, make):
    storage = make(block_bytes=65536)
    await put(storage, "file", LARGE)
    reader = await storage.read(Path("file"))
    await storage.pin(Path("file"), "another id")
    assert await collect(reader) == LARGE
    await reader.close()
    reader = await storage.read(Path("file"))
    (root / "file").write_bytes(b"!" * len(LARGE))
    with pytest.raises(StorageBroken):
        await collect(reader)
    await reader.close()


@pytest_twisted.ensureDeferred
async def test_a_reader_knows_the_copy_that_it_opened(root, make):
    storage = make(small_bytes=10)
    for name, content in (("small", b"0123"), ("large", b"0123456789abc")):
        await put(storage, name, content)
        own = (await storage.identify(Path(""), [name]))[name].own
        reader = await storage.read(Path(name))
        (root / "new").write_bytes(content)
        (root / "new").rename(root / name)
        assert reader.own == own != (await storage.identify(Path(""), [name]))[name].own
        await reader.close()


@pytest_twisted.ensureDeferred
async def test_large_files_can_be_sent_by_descriptor(root, make):
    storage = make(small_bytes=10)
    await put(storage, "large", b"0123456789abc")
    await put(storage, "small", b"0123456789")
    reader = await storage.read(Path("large"))
    assert reader.slice(3, 6) is None, "somebody may be writing to it"
    await reader.close()
    os.utime(root / "large", (1, 1))
    reader = await storage.read(Path("large"))
    fd, first, stop, version = reader.slice(3, 6)
    state = os.fstat(fd)
    assert version == (state.st_size, state.st_mtime_ns)
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
