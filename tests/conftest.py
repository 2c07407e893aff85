"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No deadline: the machine that runs the tests may be busy, and timing is the benchmarks' business.
settings.register_profile("clawgate", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("clawgate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    wire = Path(__file__).parent / "wire"
    for item in items:
        if wire in item.path.parents:
            item.add_marker(pytest.mark.wire)
