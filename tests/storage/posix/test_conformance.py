from __future__ import annotations

import pytest

from clawgate.testing.conformance import StorageConformance

STACKS = {
    "default": {},
    "durable": {"durability": "full"},
    "walking": {"openat2": False, "durability": "none"},
    "following": {"symlinks": "follow", "durability": "none"},
    "following-walking": {"symlinks": "follow", "openat2": False, "durability": "none"},
    "keeping": {"trash": "hidden", "versions": True},
    "keeping-durable": {"trash": "hidden", "versions": True, "durability": "full", "openat2": False},
    "refusing": {"symlinks": "refuse", "durability": "none", "block_bytes": 5000, "small_bytes": 100},
}


class TestPosix(StorageConformance):
    @pytest.fixture(params=STACKS)
    def storage(self, request, make, staged):
        self.staged = staged
        self.kept = {"trash", "versions"} if "trash" in STACKS[request.param] else set()
        return make(**STACKS[request.param])

    async def leftovers(self, storage):
        return await self.staged(apart=self.kept)
