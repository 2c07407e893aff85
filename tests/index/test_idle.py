"""Work in the background: how much at a time, and how it ends."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from clawgate.errors import Forbidden
from clawgate.index.idle import Troubles, together
from clawgate.model.path import Path


class Calls:
    def __init__(self, count: int) -> None:
        self.waiting: list[Deferred[None]] = [Deferred() for _ in range(count)]
        self.begun: list[int] = []
        self.cancelled: list[int] = []

    def call(self, number: int):
        async def work() -> None:
            self.begun.append(number)
            try:
                await self.waiting[number]
            except CancelledError:
                self.cancelled.append(number)
                raise

        return work

    def all(self, most: int) -> Deferred[None]:
        return Deferred.fromCoroutine(together(most, [self.call(number) for number in range(len(self.waiting))]))


@pytest_twisted.ensureDeferred
async def test_so_many_at_a_time():
    calls = Calls(4)
    running = calls.all(2)
    assert calls.begun == [0, 1]
    calls.waiting[1].callback(None)
    assert calls.begun == [0, 1, 2]
    for number in (0, 2, 3):
        assert not running.called
        calls.waiting[number].callback(None)
    await running
    assert calls.begun == [0, 1, 2, 3]
    await together(3, [])


@pytest_twisted.ensureDeferred
async def test_the_first_failure_ends_the_others():
    calls = Calls(5)
    running = calls.all(3)
    calls.waiting[1].errback(Forbidden("no"))
    with pytest.raises(Forbidden):
        await running
    assert calls.begun == [0, 1, 2]
    assert calls.cancelled == [0, 2]


@pytest_twisted.ensureDeferred
async def test_cancelled():
    calls = Calls(5)
    running = calls.all(2)
    running.cancel()
    with pytest.raises(CancelledError):
        await running
    assert calls.cancelled == [0, 1]
    assert calls.begun == [0, 1]


def test_a_trouble_is_logged_when_it_begins(monkeypatch):
    monkeypatch.setattr(Troubles, "MOST", 2)
    troubles = Troubles("home$alice")
    with capturedLogs() as logs:
        for path in ("a", "a", "b", "a"):
            troubles.begin(Path(path), Forbidden("the storage does not permit this"))
        troubles.end(Path("a"))
        troubles.end(Path("never"))
        troubles.begin(Path("a"), Forbidden("again"))
        troubles.begin(Path("c"), Forbidden("more than are remembered"))
        troubles.begin(Path("c"), Forbidden("known"))
    assert [event["path"] for event in logs] == ["/a", "/b", "/a", "/c"]
