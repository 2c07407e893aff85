from __future__ import annotations

import threading

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from clawgate.errors import Overloaded
from clawgate.workers import Workers


@pytest.fixture
def workers():
    pool = Workers(reactor, "test", threads=2, queue=2)
    pool.start()
    yield pool
    pool.stop()


def call(pool, function, *args):
    return Deferred.fromCoroutine(pool.run(function, *args))


@pytest_twisted.ensureDeferred
async def test_results_and_errors_come_back(workers):
    assert await workers.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await workers.run(divmod, 7, 0)
    assert await workers.run(threading.get_ident) != threading.get_ident()
    assert workers.pending == 0


@pytest_twisted.ensureDeferred
async def test_the_queue_has_an_end(workers):
    gate = threading.Event()
    calls = [call(workers, gate.wait) for _ in range(4)]
    assert workers.pending == 4
    with pytest.raises(Overloaded, match="test"):
        await workers.run(int)
    extra = Deferred.fromCoroutine(workers.run_always(int))
    gate.set()
    assert await gatherResults(calls) == [True] * 4
    assert await extra == 0
    assert workers.pending == 0


@pytest_twisted.ensureDeferred
async def test_cancelled_calls_count_until_they_end(workers):
    gate = threading.Event()
    running = call(workers, gate.wait)
    running.cancel()
    with pytest.raises(CancelledError):
        await running
    assert workers.pending == 1
    gate.set()
    while workers.pending:
        await workers.run_always(int)
        pause: Deferred[None] = Deferred()
        reactor.callLater(0, pause.callback, None)
        await pause


@pytest_twisted.ensureDeferred
async def test_many_at_once():
    pool = Workers(reactor, "many", threads=8, queue=5000)
    pool.start()
    numbers = await gatherResults([call(pool, abs, -i) for i in range(5000)])
    assert numbers == list(range(5000))
    pool.stop()
    with pytest.raises(RuntimeError):
        await pool.run(int)
