"""Changes of which nobody knows whether the database has made them: its answer never came."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import StorageUnavailable
from clawgate.index import maintenance
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path


async def once(data: bytes):
    yield data


def lose(house, monkeypatch, *, done: bool) -> None:
    """The next write is `done` or not, and is said to have failed."""
    write = house.database.write

    async def lost(function):
        monkeypatch.undo()
        if done:
            await write(function)
        raise StorageUnavailable("no answer")

    monkeypatch.setattr(house.database, "write", lost)


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("name", ["new", "old"])
@pytest_twisted.ensureDeferred
async def test_what_is_in_memory_is_what_the_database_has(house, monkeypatch, name, done):
    storage = house.storage
    folder = await storage.make_folder(Path("a"))
    await storage.write(Path("a/old"), once(b"1"), Intent())
    root = (await storage.stat(ROOT)).etag
    lose(house, monkeypatch, done=done)
    with pytest.raises(StorageUnavailable):
        await storage.write(Path(f"a/{name}"), once(b"12345"), Intent())
    for data in (b"1234567", b"123"):
        node = (await storage.write(Path(f"a/{name}"), once(data), Intent())).node
        assert (await storage.stat(Path(f"a/{name}"))) == node
        moved = (await storage.stat(ROOT)).etag
        assert moved != root
        root = moved
    assert (await storage.stat(Path("a"))).id == folder.id
    pages = [node async for page in (await storage.list(Path("a"))).pages for node in page]
    assert {node.name: node.size for node in pages} == {"old": 1} | {name: 3}
    assert await maintenance.verify(house.database, storage.inner, "home$alice", lambda folders, nodes: None) == []
