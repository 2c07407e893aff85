from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from clawgate.single_flight import SingleFlight


class Work:
    def __init__(self) -> None:
        self.gates: list[Deferred[None]] = []

    async def __call__(self) -> None:
        gate: Deferred[None] = Deferred()
        self.gates.append(gate)
        await gate


@pytest_twisted.ensureDeferred
async def test_all_who_ask_meanwhile_share_a_run():
    work = Work()
    flight = SingleFlight(work)
    asking = [Deferred.fromCoroutine(flight.join()) for _ in range(2000)]
    assert len(work.gates) == 1
    work.gates[0].callback(None)
    await gatherResults(asking)
    later = Deferred.fromCoroutine(flight.join())
    assert len(work.gates) == 2
    work.gates[1].callback(None)
    await later


@pytest_twisted.ensureDeferred
async def test_all_learn_of_a_failure_and_the_next_one_tries_again():
    work = Work()
    flight = SingleFlight(work)
    asking = [Deferred.fromCoroutine(flight.join()) for _ in range(3)]
    work.gates[0].errback(OSError("away"))
    for one in asking:
        with pytest.raises(OSError, match="away"):
            await one
    again = Deferred.fromCoroutine(flight.join())
    work.gates[1].callback(None)
    await again


@pytest_twisted.ensureDeferred
async def test_who_came_first_may_give_up():
    work = Work()
    flight = SingleFlight(work)
    first, second = (Deferred.fromCoroutine(flight.join()) for _ in range(2))
    first.cancel()
    with pytest.raises(CancelledError):
        await first
    assert not work.gates[0].called and not second.called
    work.gates[0].callback(None)
    await second
