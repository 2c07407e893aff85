from __future__ import annotations

import pytest
from twisted.logger import capturedLogs

from clawgate.identity.ldap.servers import Servers


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def make(clock, turns=False):
    return Servers("lab", ["a", "b", "c"], turns, 10, clock)


def test_in_order(clock):
    servers = make(clock)

    assert ["a", "b", "c"] == list(servers.candidates()) == list(servers.candidates())


def test_in_turns(clock):
    servers = make(clock, turns=True)

    assert [list(servers.candidates()) for _ in range(4)] == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_a_server_that_failed_is_left_in_peace(clock):
    servers = make(clock)

    with capturedLogs() as events:
        servers.failed("a", "is gone")
        servers.failed("a", "is gone")
    assert [event["why"] for event in events] == ["is gone"]
    assert list(servers.candidates()) == ["b", "c"]
    clock.now += 9.9
    assert list(servers.candidates()) == ["b", "c"]


def test_after_the_pause_one_tries_it(clock):
    servers = make(clock)
    servers.failed("a", "is gone")
    clock.now += 10

    first = servers.candidates()
    assert next(first) == "a"
    assert list(servers.candidates()) == ["b", "c"]
    servers.failed("a", "is gone")
    assert list(first) == ["b", "c"]


def test_nobody_tries_what_is_not_needed(clock):
    servers = make(clock)
    servers.failed("b", "is gone")
    clock.now += 10

    assert next(servers.candidates()) == "a"
    assert list(servers.candidates()) == ["a", "b", "c"]


def test_one_that_answers_is_good_again(clock):
    servers = make(clock)
    servers.failed("a", "is gone")
    with capturedLogs() as events:
        servers.answered("a")
        servers.answered("a")

    assert len(events) == 1
    assert list(servers.candidates()) == ["a", "b", "c"]


def test_all_failed(clock):
    servers = make(clock)
    for url in "abc":
        servers.failed(url, "is gone")

    assert list(servers.candidates()) == []
