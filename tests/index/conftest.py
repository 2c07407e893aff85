from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as FilePath

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate.index import schema
from clawgate.index.index import Index
from clawgate.state.engine import Database
from clawgate.storage.posix.driver import PosixStorage
from clawgate.storage.posix.options import PosixOptions
from clawgate.storage.posix.watch import FolderWatches
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.workers import Workers

SEEDS = 25
"""So many of the walks by chance are done on PostgreSQL too: each is made of many small transactions."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    spared = []
    for item in items:
        chosen = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if chosen.get("database_kind") == "postgresql" and chosen.get("seed", 0) >= SEEDS:
            spared.append(item)
    if spared:
        config.hook.pytest_deselected(items=spared)
        items[:] = [item for item in items if item not in set(spared)]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@attrs.define
class House:
    """An indexed POSIX storage whose index can be thrown away and opened anew."""

    root: FilePath
    new_database: Callable[[], str]
    url: str
    workers: Workers
    clock: Clock
    watches: FolderWatches
    staleness: float = 60.0
    database: Database | None = None
    index: Index | None = None
    storage: Indexed | None = None

    async def open(self) -> Indexed:
        self.database = Database(self.url, self.workers, schema.SCHEMA, synchronous="NORMAL")
        await self.database.start()
        self.index = Index(self.database, 1000, 30.0)
        inner = PosixStorage(str(self.root), self.workers, PosixOptions(), self.watches)
        self.storage = Indexed(inner, await self.index.space("home$alice"), self.clock, self.staleness)
        return self.storage

    async def close(self) -> None:
        if self.database is not None:
            await self.database.stop()
            self.database = None

    async def reopen(self, *, forget: bool = False) -> Indexed:
        await self.close()
        if forget:
            self.url = self.new_database()
        return await self.open()


@pytest_twisted.async_yield_fixture
async def house(tmp_path, new_database):
    root = tmp_path / "files"
    root.mkdir()
    workers = Workers(reactor, "test", 4, 1000)
    workers.start()
    watches = FolderWatches(reactor, 100)
    watches.start()
    found = House(root, new_database, new_database(), workers, Clock(), watches)
    await found.open()
    yield found
    await found.close()
    watches.close()
    workers.stop()
