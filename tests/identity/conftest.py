from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet import reactor

from clawgate.workers import Workers


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers(reactor, "users", 2, 100)
    pool.start()
    yield pool
    pool.stop()
