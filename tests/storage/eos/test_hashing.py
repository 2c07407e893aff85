"""Checksums of blocks of uploads are worked out where they hold nobody up."""

from __future__ import annotations

import threading

import pytest

from clawgate.model.content import Intent
from clawgate.model.path import Path
from clawgate.storage.checksums import Digests
from clawgate.testing.conformance import body_of, get

BLOCK = 65536
CONTENT = b"0123456789abcdef" * 16384


@pytest.fixture(params=["5.4"])
def version(request):
    return request.param


@pytest.fixture
def threads(monkeypatch):
    """Of all that worked on a whole block, whoever asked for it."""
    seen: set[str] = set()
    known = Digests.update

    def update(self, data):
        if len(data) >= BLOCK and self.text():
            seen.add(threading.current_thread().name)
        return known(self, data)

    monkeypatch.setattr(Digests, "update", update)
    return seen


@pytest.mark.parametrize("order", ["as they come", "in another order"])
async def test_blocks_are_hashed_in_threads(mounting, threads, order):
    mounted = await mounting({"part_bytes": BLOCK})
    storage = await mounted.open()
    parts = storage.abilities.parts
    handle = await parts.begin(len(CONTENT))
    middle = 2 * BLOCK
    pieces = [(0, CONTENT[:middle]), (middle, CONTENT[middle:])]
    for offset, piece in pieces if order == "as they come" else pieces[::-1]:
        await parts.write_at(handle, offset, body_of(piece), compute=("SHA1",))
    written = await parts.finish(handle, Path("file"), Intent(compute=("SHA1",)))
    assert "SHA1:" in written.node.checksums
    assert threads and threading.main_thread().name not in threads
    assert await get(storage, "file") == CONTENT
