from __future__ import annotations

import pytest

from .forge import Forge


@pytest.fixture(scope="session")
def forge() -> Forge:
    return Forge()
