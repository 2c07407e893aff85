"""A gateway for each test that asks for one, started without the imports: `launch.nursery` has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .gateway import Gateway


@pytest.fixture
def stopped_gateway(tmp_path: Path) -> Iterator[Gateway]:
    """Not started yet: for tests that set something first."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateway = Gateway(folder)
    yield gateway
    gateway.close()


@pytest.fixture
def gateway(stopped_gateway: Gateway) -> Gateway:
    """A running gateway."""
    stopped_gateway.start()
    return stopped_gateway


@pytest.fixture
def quick_gateway(stopped_gateway: Gateway) -> Gateway:
    """Not started yet, and started often."""
    return stopped_gateway
