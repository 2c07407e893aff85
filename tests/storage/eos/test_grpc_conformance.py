"""The whole conformance suite with metadata by gRPC; one version, because gRPC is the same in all."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.testing.conformance import StorageConformance

from . import test_conformance
from .grpc_mounted import grpc_mounted


@pytest.fixture
def version():
    return "5.4"


class TestGrpc(test_conformance.TestEos):
    """Nothing is different but that people may empty their bin."""

    test_purging = StorageConformance.test_purging

    @pytest_twisted.async_yield_fixture
    async def mounted(self, tmp_path):
        async with grpc_mounted(tmp_path / "eos", stable_ids=True) as mounted:
            yield mounted
