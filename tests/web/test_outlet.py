from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from clawgate.errors import Disconnected
from clawgate.web.outlet import Outlet


def outcome(outlet: Outlet) -> list[object]:
    found: list[object] = []
    Deferred.fromCoroutine(outlet.wait()).addBoth(found.append)
    return found


def test_waiting_ends_with_room_or_with_the_connection() -> None:
    clock = Clock()
    outlet = Outlet(StringTransport(), True, clock, clock.seconds)  # type: ignore[arg-type]
    clock.advance(5)
    outlet.filled()
    clock.advance(1)
    outlet.filled()
    assert outlet.room.since == 5
    clock.advance(1)
    found = outcome(outlet)
    assert (found, outlet.blocked, outlet.room.since) == ([], True, 7)
    outlet.emptied()
    assert (found, outlet.blocked) == ([None], False)
    found = outcome(outlet)
    outlet.lost()
    outlet.room.lost(Disconnected("gone"))
    assert found[0].check(Disconnected)  # type: ignore[attr-defined]


def test_nobody_waits_for_a_connection_that_is_gone() -> None:
    clock = Clock()
    outlet = Outlet(StringTransport(), True, clock, clock.seconds)  # type: ignore[arg-type]
    outlet.lost()
    found = outcome(outlet)
    assert found and found[0].check(Disconnected)  # type: ignore[attr-defined]
