from __future__ import annotations

import time

import pytest_twisted

from clawgate.index import schema
from clawgate.index.index import Index
from clawgate.state.engine import Database
from clawgate.storage.memory import MemoryStorage
from clawgate.storage.posix import PosixOptions, PosixStorage
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.storage.wrappers.metered import Metered
from clawgate.testing.conformance import StorageConformance


class TestStack(StorageConformance):
    """What the gateway works with."""

    @pytest_twisted.async_yield_fixture(params=["posix", "memory"])
    async def storage(self, request, tmp_path, workers):
        self.root = tmp_path / "files"
        self.root.mkdir()
        posix = request.param == "posix"
        raw = PosixStorage(str(self.root), workers, PosixOptions(durability="none")) if posix else MemoryStorage()
        database = Database(f"sqlite:///{tmp_path}/index.db", workers, schema.SCHEMA, synchronous="NORMAL")
        await database.start()
        index = await Index(database, 1000, 30.0).space("home$alice")
        yield Indexed(Metered(raw, lambda method, seconds, good: None), index, time.monotonic, 60.0)
        await database.stop()
