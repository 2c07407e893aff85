from __future__ import annotations

import os
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.logger import LogLevel, capturedLogs

from clawgate.model.preview import Picture
from clawgate.previews.shelf import DiskShelf, MemoryShelf
from clawgate.workers import Workers

ONE = Picture("image/png", b"1" * 100)
LARGE = Picture("image/jpeg", b"2" * 9000)


@pytest.fixture
def workers():
    found = Workers(reactor, "files", 1, 10)
    found.start()
    yield found
    found.stop()


async def shelf_in(folder: Path, workers: Workers, most: int = 1 << 20) -> DiskShelf:
    shelf = DiskShelf(str(folder), most, workers)
    await shelf.start()
    return shelf


@pytest_twisted.ensureDeferred
async def test_pictures_outlive_the_process(tmp_path, workers):
    shelf = await shelf_in(tmp_path / "kept", workers)
    assert await shelf.get("aa") is None
    await shelf.put("aa", ONE)
    await shelf.put("bb", LARGE)
    assert (await shelf.get("aa"), await shelf.get("bb")) == (ONE, LARGE)
    assert shelf.bytes == 4 * 4096

    (tmp_path / "kept" / "cc.new").write_bytes(b"interrupted")
    again = await shelf_in(tmp_path / "kept", workers)
    assert (await again.get("aa"), await again.get("bb"), again.bytes) == (ONE, LARGE, shelf.bytes)
    assert sorted(os.listdir(tmp_path / "kept")) == ["aa", "bb"]
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700


@pytest_twisted.ensureDeferred
async def test_without_a_folder_that_can_be_written_nothing_is_kept(tmp_path, workers):
    (tmp_path / "file").touch()
    with capturedLogs() as logs:
        shelf = await shelf_in(tmp_path / "file" / "kept", workers)
        await shelf.put("aa", ONE)
        assert await shelf.get("aa") is None
        assert shelf.bytes == 0
    (said,) = [one for one in logs if one.get("folder") == str(tmp_path / "file" / "kept")]
    assert said["log_level"] is LogLevel.warn


@pytest_twisted.ensureDeferred
async def test_a_folder_that_cannot_be_written_any_more(tmp_path, workers):
    folder = tmp_path / "kept"
    shelf = await shelf_in(folder, workers)
    await shelf.put("aa", ONE)
    for path in (folder / "aa", folder):
        path.unlink() if path.is_file() else path.rmdir()
    folder.touch()
    with capturedLogs() as logs:
        for key in ("bb", "cc"):
            await shelf.put(key, ONE)
            assert await shelf.get(key) is None
    assert [one["log_level"] for one in logs if one.get("folder") == str(folder)] == [LogLevel.warn] * 2, "for each file its own"
    assert await shelf.get("aa") is None
    assert shelf.bytes == 0


@pytest_twisted.ensureDeferred
async def test_those_that_were_not_asked_for_longest_go(tmp_path, workers):
    shelf = await shelf_in(tmp_path, workers, 3 * 4096)
    for key in ("aa", "bb", "cc"):
        await shelf.put(key, ONE)
    assert await shelf.get("aa") == ONE
    await shelf.put("dd", ONE)
    assert sorted(os.listdir(tmp_path)) == ["aa", "cc", "dd"]
    await shelf.put("ee", Picture("image/png", b"x" * 20_000))
    assert sorted(os.listdir(tmp_path)) == ["aa", "cc", "dd"]
    smaller = await shelf_in(tmp_path, workers, 4096)
    assert (len(os.listdir(tmp_path)), smaller.bytes) == (1, 4096)


@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda data: data[:-1] + b"?", lambda data: b""])
@pytest_twisted.ensureDeferred
async def test_harm_is_found(tmp_path, workers, harm):
    shelf = await shelf_in(tmp_path, workers)
    await shelf.put("aa", ONE)
    (tmp_path / "aa").write_bytes(harm((tmp_path / "aa").read_bytes()))
    assert await shelf.get("aa") is None
    assert (os.listdir(tmp_path), shelf.bytes) == ([], 0)
    await shelf.put("aa", ONE)
    assert await shelf.get("aa") == ONE
    (tmp_path / "aa").unlink()
    assert await shelf.get("aa") is None


@pytest_twisted.ensureDeferred
async def test_a_disk_that_cannot_be_written(tmp_path, workers):
    (tmp_path / "file").write_bytes(b"")
    shelf = await shelf_in(tmp_path / "file", workers)
    await shelf.put("aa", ONE)
    assert (await shelf.get("aa"), shelf.bytes) == (None, 0)

    shelf = await shelf_in(tmp_path / "later", workers)
    (tmp_path / "later").rmdir()
    await shelf.put("aa", ONE)
    assert (await shelf.get("aa"), shelf.bytes) == (None, 0)


@pytest_twisted.ensureDeferred
async def test_in_memory():
    shelf = MemoryShelf(1000)
    await shelf.start()
    for key in ("aa", "bb"):
        await shelf.put(key, ONE)
    assert await shelf.get("aa") == ONE
    await shelf.put("cc", ONE)
    assert [await shelf.get(key) for key in ("aa", "bb", "cc")] == [ONE, None, ONE]
    await shelf.put("dd", LARGE)
    assert await shelf.get("dd") is None
    assert shelf.bytes == 800
