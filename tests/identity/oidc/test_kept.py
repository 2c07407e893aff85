from __future__ import annotations

from collections.abc import Awaitable

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from clawgate.identity.oidc.errors import IssuerUnavailable, NoAnswer
from clawgate.identity.oidc.kept import Kept


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Answers when told to."""

    def __init__(self) -> None:
        self.asked: list[Deferred[str]] = []

    async def __call__(self) -> str:
        self.asked.append(Deferred())
        return await self.asked[-1]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def kept(source, clock):
    return Kept("the keys", source, clock, 300, 5)


def begin(awaitable: Awaitable[str]) -> list[object]:
    """Where the outcome will be."""
    found: list[object] = []
    Deferred.fromCoroutine(awaitable).addBoth(lambda outcome: found.append(getattr(outcome, "value", outcome)))
    return found


def test_many_wait_for_one_fetch(kept, source):
    waiting = [begin(kept.get()) for _ in range(100)]
    source.asked[0].callback("keys")

    assert waiting == [["keys"]] * 100
    assert begin(kept.get()) == ["keys"]
    assert len(source.asked) == 1


def test_whoever_goes_away_takes_nothing_from_the_others(kept, source):
    first = Deferred.fromCoroutine(kept.get())
    second = begin(kept.get())
    first.cancel()
    first.addErrback(lambda failure: failure.trap(CancelledError))
    source.asked[0].callback("keys")

    assert second == ["keys"]


def test_a_failure_is_remembered_for_a_moment(kept, source, clock):
    waiting = [begin(kept.get()) for _ in range(3)]
    source.asked[0].errback(NoAnswer("refused"))
    assert [type(one[0]) for one in waiting] == [IssuerUnavailable] * 3
    assert waiting[0][0] is not waiting[1][0]

    clock.now += 4.9
    assert isinstance(begin(kept.get())[0], IssuerUnavailable)
    assert len(source.asked) == 1

    clock.now += 0.2
    again = begin(kept.get())
    source.asked[1].callback("keys")
    assert again == ["keys"]


def test_what_is_there_stays_when_the_source_is_silent(kept, source, clock):
    begin(kept.get())
    source.asked[0].callback("keys")
    clock.now += 300
    refreshed = begin(kept.refresh())
    assert begin(kept.get()) == ["keys"]
    source.asked[1].errback(NoAnswer("refused"))

    assert refreshed == [None]
    assert begin(kept.get()) == ["keys"]
    clock.now += 1e6
    assert begin(kept.get()) == ["keys"]


def test_refreshing_waits_until_it_is_time(kept, source, clock):
    begin(kept.refresh())
    source.asked[0].callback("keys")
    clock.now += 299
    assert begin(kept.refresh()) == [None]
    clock.now += 1
    begin(kept.refresh())
    source.asked[1].callback("new")

    assert begin(kept.get()) == ["new"]


def test_it_is_not_renewed_more_often_than_allowed(kept, source, clock):
    begin(kept.get())
    source.asked[0].callback("keys")
    assert begin(kept.renew()) == ["keys"]
    clock.now += 5
    waiting = [begin(kept.renew()) for _ in range(10)]
    source.asked[1].callback("new")
    assert waiting == [["new"]] * 10
    assert begin(kept.renew()) == ["new"]
    assert len(source.asked) == 2


def test_who_needs_news_is_not_given_the_old(kept, source, clock):
    begin(kept.get())
    source.asked[0].callback("keys")
    clock.now += 5
    renewing = begin(kept.renew())
    source.asked[1].errback(NoAnswer("refused"))

    assert isinstance(renewing[0], IssuerUnavailable)
    assert isinstance(begin(kept.renew())[0], IssuerUnavailable)
    assert begin(kept.get()) == ["keys"]
    assert len(source.asked) == 2


def test_the_log_hears_of_each_failure_once_and_of_the_end(kept, source, clock):
    with capturedLogs() as events:
        for reason in ("refused", "refused", "no answer in time"):
            begin(kept.get())
            source.asked[-1].errback(NoAnswer(reason))
            clock.now += 5
        begin(kept.get())
        source.asked[-1].callback("keys")

    told = [(event["log_level"].name, event.get("reason")) for event in events]
    assert told == [("error", "refused"), ("error", "no answer in time"), ("info", None)]


def test_what_nobody_foresaw_is_logged_and_an_outage(kept, source):
    waiting = begin(kept.get())
    with capturedLogs() as events:
        source.asked[0].errback(ZeroDivisionError())

    assert isinstance(waiting[0], IssuerUnavailable)
    assert any("log_failure" in event for event in events)
