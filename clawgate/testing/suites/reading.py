"""What a storage has to do when it is read from."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ...interfaces import Storage
from ...model.path import Path
from ..tools import LARGE, SMALL, Suite, get, put


class ReadingConformance(Suite):
    """See `conformance.StorageConformance`."""

    @pytest.mark.parametrize("content", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
    async def test_what_was_written_is_read(self, storage: Storage, content: bytes) -> None:
        written = await put(storage, "file", content)
        assert (written.node.name, written.node.size, written.replaced) == ("file", len(content), False)
        assert await get(storage, "file") == content
        size = len(content)
        for first, end in ((0, size), (0, 1), (size // 2, None), (size // 3, size // 2), (size, None), (0, size + 10)):
            assert await get(storage, "file", first, end) == content[first:end]

    async def test_a_reader_streams_more_than_once(self, storage: Storage) -> None:
        await put(storage, "file", LARGE)
        reader = await storage.read(Path("file"))
        try:
            for _ in range(2):
                assert b"".join([chunk async for chunk in reader.stream(5, 100)]) == LARGE[5:100]
            assert reader.node.size == len(LARGE)
        finally:
            await reader.close()

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    async def test_a_reader_keeps_its_version(self, storage: Storage, content: bytes) -> None:
        await put(storage, "file", content)
        reader = await storage.read(Path("file"))
        await put(storage, "file", b"new")
        assert b"".join([chunk async for chunk in reader.stream()]) == content
        await storage.remove(Path("file"))
        assert b"".join([chunk async for chunk in reader.stream()]) == content
        await reader.close()
