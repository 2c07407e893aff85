"""Folders for which a storage vouches by their places (`Listing.place`), below an index."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest
import pytest_twisted
from twisted.internet.task import Clock

from clawgate.errors import PreconditionFailed, StorageUnavailable
from clawgate.index import schema
from clawgate.index.index import Index
from clawgate.model.path import ROOT, Path
from clawgate.state.engine import Database
from clawgate.storage.memory import MemoryStorage
from clawgate.storage.wrappers.doubts import SECONDS
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.testing.tools import children, put

FOLDER = Path("folder")


class Vouching(MemoryStorage):
    """It vouches for everything, says when it was asked, and fails when it is told to."""

    def __init__(self):
        super().__init__()
        self.asked = Counter()
        self.holds = True
        self.error = None

    async def list(self, path):
        self.asked["list"] += 1
        return attrs.evolve(await super().list(path), current=lambda: self.holds, place=path)

    async def stat(self, path):
        self.asked["stat"] += 1
        return await super().stat(path)

    async def write(self, path, body, intent):
        written = await super().write(path, body, intent)
        if self.error is not None:
            raise self.error
        return written


@pytest.fixture
def clock():
    return Clock()


@pytest_twisted.async_yield_fixture
async def storage(tmp_path, workers, clock):
    clock.advance(1000)
    database = Database(f"sqlite:///{tmp_path}/index.db", workers, schema.SCHEMA, synchronous="NORMAL")
    await database.start()
    made = Indexed(Vouching(), await Index(database, 1000, 30.0).space("home$alice"), clock.seconds, 600.0)
    await made.make_folder(FOLDER)
    await put(made, "folder/file", b"1")
    yield made
    await database.stop()


async def asked(storage):
    """How often the storage is, to list the folder."""
    storage.inner.asked.clear()
    await children(storage, FOLDER)
    return storage.inner.asked.total()


async def test_what_is_vouched_for_is_not_looked_at(storage, clock):
    assert await asked(storage) > 0
    assert await asked(storage) == 0
    # Our own writes are entered.
    await put(storage, "folder/new", b"2")
    storage.inner.asked.clear()
    assert set(await children(storage, FOLDER)) == {"file", "new"}
    assert storage.inner.asked.total() == 0
    storage.inner.holds = False
    assert await asked(storage) == 1
    storage.inner.holds = True
    assert await asked(storage) == 0
    # Whoever vouches: not longer than that.
    clock.advance(600)
    assert await asked(storage) == 1


async def test_it_speaks_of_the_place_alone(storage):
    await asked(storage)
    await storage.move(FOLDER, Path("moved"), replace=False)
    storage.inner.asked.clear()
    assert set(await children(storage, Path("moved"))) == {"file"}
    assert storage.inner.asked["list"] == 1


async def test_a_write_that_is_refused_is_a_reason_to_look(storage):
    await asked(storage)
    storage.inner.error = PreconditionFailed("somebody else was quicker")
    with pytest.raises(PreconditionFailed):
        await put(storage, "folder/other", b"2")
    assert await asked(storage) == 1
    assert await asked(storage) == 0


async def test_a_write_of_which_nobody_knows_is_looked_for_again_and_again(storage, clock):
    await asked(storage)
    storage.inner.error = StorageUnavailable("the connection was cut")
    with pytest.raises(StorageUnavailable):
        await put(storage, "folder/other", b"2")
    assert set(await children(storage, FOLDER)) == {"file", "other"}
    assert await asked(storage) == 1
    assert await asked(storage) == 1
    clock.advance(SECONDS)
    assert await asked(storage) == 0
    assert set(await children(storage, ROOT)) == {"folder"}
