"""What a storage has to say that knows how much room there is."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ...interfaces import Storage
from ..tools import SMALL, Suite, needs, put


class QuotaConformance(Suite):
    """See `conformance.StorageConformance`."""

    @needs("quota")
    async def test_room(self, storage: Storage) -> None:
        if storage.abilities.quota is None:
            pytest.skip("no quota")
        await put(storage, "file", SMALL)
        room = await storage.abilities.quota.room()
        assert room.used is None or room.used >= len(SMALL)
        assert room.available is None or room.available >= 0
