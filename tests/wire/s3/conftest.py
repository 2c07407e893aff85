"""The gateways of the wire tests, with homes in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ...storage.s3 import servers
from ..bucket import BucketGateway


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.seaweed(tmp_path_factory.mktemp("seaweed"), volumes=100) as server:
        yield server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def stopped_gateway(tmp_path: Path, seaweed: servers.Server) -> Iterator[BucketGateway]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateway = BucketGateway(folder, seaweed)
    yield gateway
    gateway.close()


@pytest.fixture
def gateway(stopped_gateway: BucketGateway) -> BucketGateway:
    stopped_gateway.start()
    return stopped_gateway


@pytest.fixture
def quick_gateway(stopped_gateway: BucketGateway) -> BucketGateway:
    return stopped_gateway
