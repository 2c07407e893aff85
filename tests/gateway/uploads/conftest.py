from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path as File

import pytest
import pytest_twisted

from .house import House


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "limits: settings of the house")


async def _opened(request: pytest.FixtureRequest, folder: File, kind: str) -> AsyncIterator[House]:
    mark = request.node.get_closest_marker("limits")
    house = House(folder, kind, **(mark.kwargs if mark else {}))
    await house.open()
    yield house
    await house.close()


@pytest_twisted.async_yield_fixture(params=["memory", "posix"])
async def house(request: pytest.FixtureRequest, tmp_path: File):  # type: ignore[no-untyped-def]
    """With limits that a test may give by ``@pytest.mark.limits(name=value)``."""
    async for house in _opened(request, tmp_path, request.param):
        yield house


@pytest_twisted.async_yield_fixture
async def posix_house(request: pytest.FixtureRequest, tmp_path: File):  # type: ignore[no-untyped-def]
    """The same, where directories matter."""
    async for house in _opened(request, tmp_path, "posix"):
        yield house
