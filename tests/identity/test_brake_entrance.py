"""Delays by timers, counting what the authenticators say, and writing behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from clawgate.errors import ClawgateError, Overloaded, StorageUnavailable, TooManyAttempts, Unauthenticated
from clawgate.identity.cache import RememberedLogins
from clawgate.identity.entrance import Entrance
from clawgate.interfaces import Authenticator
from clawgate.model.attempts import Attempts
from clawgate.model.people import Actor, Bearer, Credentials, Password, User
from clawgate.settings import Brake as Rules

RULES = Rules(
    free=2, tries=4, base_seconds=1, factor=2, refuse_seconds=100, write_seconds=5, network_free=1000, network_tries=1000
)
HERE, THERE = "192.0.2.1", "192.0.2.2"
RIGHT = Password("alice", "right")


class People(Authenticator):
    def __init__(self) -> None:
        self.asked = 0
        self.error: ClawgateError | None = None

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        if isinstance(credentials, Bearer) or credentials.user != "alice":
            return None
        if credentials != RIGHT:
            raise Unauthenticated("wrong user name or password")
        return Actor(User("alice"))


class Kept:
    """A table in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Attempts] = {}
        self.writes = 0
        self.error: ClawgateError | None = None

    async def load(self, limit: int) -> Sequence[Attempts]:
        return list(self.rows.values())[-limit:]

    async def write(self, records: Iterable[Attempts], gone: Iterable[tuple[str, str]]) -> None:
        if self.error is not None:
            raise self.error
        self.writes += 1
        self.rows.update({(one.user, one.network): one for one in records})
        for key in gone:
            self.rows.pop(key, None)

    async def expire(self, now: float) -> int:
        return 0


@pytest.fixture
def people():
    return People()


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def clock():
    clock = Clock()
    clock.advance(1_800_000_000)
    return clock


def entrance(people, kept, clock, seconds=300, rules=RULES):
    made = Entrance(RememberedLogins(people, seconds, clock.seconds, now=clock.seconds), rules, kept, clock)
    assert outcome(Deferred.fromCoroutine(made.start())) is None
    return made


def enter(door, credentials, address=HERE):
    return Deferred.fromCoroutine(door.enter(credentials, address))


def outcome(deferred):
    """The result; a failure's class; ``"waits"``."""
    found = []
    deferred.addBoth(found.append)
    if not found:
        return "waits"
    return type(found[0].value) if isinstance(found[0], Failure) else found[0]


def guess(door, count, address=HERE, user="alice"):
    return [outcome(enter(door, Password(user, f"wrong {address} {i}"), address)) for i in range(count)]


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_delays_are_the_same_whether_somebody_exists(people, kept, clock, user):
    door = entrance(people, kept, clock)
    expected = Unauthenticated if user == "alice" else None
    assert guess(door, 2, user=user) == [expected] * 2
    for i, delay in enumerate([1, 2]):
        waiting = enter(door, Password(user, f"more {i}"))
        assert door.waiting == 1
        clock.advance(delay - 0.01)
        assert people.asked == 2 + i
        clock.advance(0.01)
        assert outcome(waiting) is expected
        assert door.waiting == 0
    assert outcome(enter(door, Password(user, "fifth"))) is TooManyAttempts
    assert people.asked == 4
    assert door.refused == 1


def test_the_person_elsewhere_gets_in_and_remembered_clients_go_on(people, kept, clock):
    door = entrance(people, kept, clock)
    assert outcome(enter(door, RIGHT)).id == "alice"
    guess(door, 10)
    clock.advance(10)
    assert outcome(enter(door, Password("alice", "x"))) is TooManyAttempts
    assert outcome(enter(door, RIGHT)).id == "alice"
    assert outcome(enter(door, RIGHT, THERE)).id == "alice"
    guess(door, 10, "192.0.2.3")
    clock.advance(10)
    guess(door, 10, "192.0.2.3")
    assert outcome(enter(door, RIGHT, "192.0.2.3")) is TooManyAttempts, "else the memory could be guessed at"


def test_parallel_requests_of_one_client_are_one_attempt(people, kept, clock):
    door = entrance(people, kept, clock)
    assert [outcome(enter(door, RIGHT)).id for _ in range(20)] == ["alice"] * 20
    assert people.asked == 1


@pytest.mark.parametrize("error", [StorageUnavailable("down"), Overloaded("full"), TooManyAttempts("there", 5)])
def test_only_wrong_credentials_count(people, kept, clock, error):
    door = entrance(people, kept, clock)
    people.error = error
    assert guess(door, 20) == [type(error)] * 20
    people.error = None
    assert outcome(enter(door, RIGHT)).id == "alice"


@pytest.mark.parametrize("by_app_password", [True, False])
def test_who_has_an_app_password_only_cannot_buy_more_guesses_with_it(kept, clock, by_app_password):
    class Both(People):
        async def authenticate(self, credentials):
            if credentials == Password("alice", "app"):
                return Actor(User("alice"), app_password="x1" if by_app_password else "")
            return await super().authenticate(credentials)

    door = entrance(Both(), kept, clock, seconds=0, rules=attrs.evolve(RULES, free=10))
    for i in range(3):
        assert outcome(enter(door, Password("alice", f"guess {i}"))) is Unauthenticated
        assert outcome(enter(door, Password("alice", "app"))).id == "alice"
    assert outcome(enter(door, Password("alice", "guess 3"))) is Unauthenticated
    expected = TooManyAttempts if by_app_password else Unauthenticated
    assert outcome(enter(door, Password("alice", "guess 4"))) is expected
    clock.advance(100)
    assert outcome(enter(door, Password("alice", "app"))).id == "alice", "the program goes on"
    assert outcome(enter(door, RIGHT)).id == "alice"
    assert outcome(enter(door, Password("alice", "guess 5"))) is Unauthenticated, "the password itself forgets all"


def test_tokens_do_not_count(people, kept, clock):
    door = entrance(people, kept, clock)
    assert [outcome(enter(door, Bearer(f"t{i}"))) for i in range(50)] == [None] * 50
    assert kept.writes == 0


def test_the_brake_can_be_switched_off(people, kept, clock):
    door = entrance(people, kept, clock, rules=attrs.evolve(RULES, enabled=False))
    assert guess(door, 50) == [Unauthenticated] * 50


def test_many_failures_are_one_write_and_survive_a_restart(people, kept, clock):
    door = entrance(people, kept, clock, rules=attrs.evolve(RULES, tries=30, free=30))
    guess(door, 30)
    assert kept.writes == 0
    clock.advance(5)
    assert kept.writes == 1
    assert outcome(Deferred.fromCoroutine(door.stop())) is None
    assert not clock.getDelayedCalls()
    again = entrance(people, kept, clock, rules=attrs.evolve(RULES, tries=30, free=30))
    assert outcome(enter(again, RIGHT)) is TooManyAttempts
    assert outcome(enter(again, RIGHT, THERE)).id == "alice"


def test_stopping_writes_the_rest_and_gives_up_who_waits(people, kept, clock):
    door = entrance(people, kept, clock)
    guess(door, 2)
    waiting = enter(door, RIGHT)
    assert outcome(Deferred.fromCoroutine(door.stop())) is None
    assert outcome(waiting) is TooManyAttempts
    assert kept.writes == 1
    assert not clock.getDelayedCalls()


def test_a_database_that_is_down_does_not_matter(people, kept, clock):
    door = entrance(people, kept, clock)
    kept.error = StorageUnavailable("down")
    guess(door, 2)
    with capturedLogs() as lines:
        clock.advance(5)
    assert len(lines) == 1
    kept.error = None
    assert outcome(Deferred.fromCoroutine(door.sweep())) is None
    clock.advance(5)
    assert len(kept.rows) == 2


def test_one_line_says_who_is_refused_and_no_secret(people, kept, clock):
    door = entrance(people, kept, clock)
    with capturedLogs() as lines:
        for _ in range(20):
            guess(door, 10)
            clock.advance(2)
    assert [line["who"] for line in lines] == ["'alice' from 192.0.2.1/32"]
    assert "wrong" not in str(lines)
