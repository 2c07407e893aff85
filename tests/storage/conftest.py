from __future__ import annotations

import pytest
from twisted.internet import reactor

from clawgate.workers import Workers

pytest.register_assert_rewrite("clawgate.testing")


@pytest.fixture
def workers():
    workers = Workers(reactor, "files", 4, 100)
    workers.start()
    yield workers
    workers.stop()
