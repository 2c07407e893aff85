from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from clawgate.mutex import Mutex


@pytest_twisted.ensureDeferred
async def test_one_after_the_other_however_many():
    mutex = Mutex()
    gate: Deferred[None] = Deferred()
    order: list[int] = []

    async def work(number):
        async with mutex:
            if number == 0:
                await gate
            order.append(number)

    running = [Deferred.fromCoroutine(work(number)) for number in range(5000)]
    assert order == []
    gate.callback(None)
    await gatherResults(running)
    assert order == list(range(5000))
    await work(-1)
    assert order[-1] == -1


@pytest_twisted.ensureDeferred
async def test_cancelled_waiters_give_way():
    mutex = Mutex()
    gate: Deferred[None] = Deferred()
    done: list[str] = []

    async def hold():
        async with mutex:
            await gate

    async def wait(name, cancels=None):
        async with mutex:
            done.append(name)
            if cancels is not None:
                cancels.pop().cancel()

    holding = Deferred.fromCoroutine(hold())
    early = Deferred.fromCoroutine(wait("early"))
    victims: list[Deferred[None]] = []
    first = Deferred.fromCoroutine(wait("first", victims))
    victims.append(Deferred.fromCoroutine(wait("victim")))
    victim = victims[0]
    last = Deferred.fromCoroutine(wait("last"))
    early.cancel()
    with pytest.raises(CancelledError):
        await early
    gate.callback(None)
    await gatherResults([holding, first, last])
    with pytest.raises(CancelledError):
        await victim
    assert done == ["first", "last"]


@pytest_twisted.ensureDeferred
async def test_a_failure_releases():
    mutex = Mutex()
    with pytest.raises(ValueError, match="x"):
        async with mutex:
            raise ValueError("x")
    async with mutex:
        pass
