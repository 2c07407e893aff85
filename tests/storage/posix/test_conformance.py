from __future__ import annotations

import pytest

from clawgate.testing.conformance import StorageConformance

PLAIN = {
    "default": {},
    "durable": {"durability": "full"},
    "walking": {"openat2": False, "durability": "none"},
    "following": {"symlinks": "follow", "durability": "none"},
    "following-walking": {"symlinks": "follow", "openat2": False, "durability": "none"},
    "refusing": {"symlinks": "refuse", "durability": "none", "block_bytes": 5000, "small_bytes": 100},
}
KEEPING = {
    "keeping": {"trash": "hidden", "versions": True},
    "keeping-durable": {"trash": "hidden", "versions": True, "durability": "full", "openat2": False},
}


class TestPosix(StorageConformance):
    lacks = frozenset({"trash", "versions"})

    @pytest.fixture(params=PLAIN)
    def storage(self, request, make, staged):
        self.staged = staged
        return make(**PLAIN[request.param])

    async def leftovers(self, storage):
        return await self.staged()


class TestKeeping(StorageConformance):
    @pytest.fixture(params=KEEPING)
    def storage(self, request, make, staged):
        self.staged = staged
        return make(**KEEPING[request.param])

    async def leftovers(self, storage):
        return await self.staged(apart={"trash", "versions"})
