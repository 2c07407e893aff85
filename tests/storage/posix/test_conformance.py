from __future__ import annotations

import pytest

from clawgate.testing.conformance import StorageConformance

STACKS = {
    "default": {},
    "durable": {"durability": "full"},
    "walking": {"openat2": False, "durability": "none"},
    "following": {"symlinks": "follow", "durability": "none"},
    "following-walking": {"symlinks": "follow", "openat2": False, "durability": "none"},
    "refusing": {"symlinks": "refuse", "durability": "none", "block_bytes": 5000, "small_bytes": 100},
}


class TestPosix(StorageConformance):
    @pytest.fixture(params=STACKS)
    def storage(self, request, make, staged):
        self.staged = staged
        return make(**STACKS[request.param])

    async def leftovers(self, storage):
        return await self.staged()
