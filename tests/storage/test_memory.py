from __future__ import annotations

import pytest

from clawgate.storage.memory import MemoryStorage
from clawgate.testing.conformance import StorageConformance


class TestMemory(StorageConformance):
    @pytest.fixture
    def storage(self):
        return MemoryStorage()
