from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from clawgate.errors import Unauthenticated
from clawgate.identity.cache import RememberedLogins
from clawgate.interfaces import Authenticator
from clawgate.model.people import Actor, Bearer, Credentials, Password, User


class Slow(Authenticator):
    """Answers when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Credentials, Deferred[Actor | None]]] = []

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        answer: Deferred[Actor | None] = Deferred()
        self.asked.append((credentials, answer))
        return await answer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
def clock():
    return Clock()


ALICE = Password("alice", "x")
ACTOR = Actor(User("alice"))


def ask(logins: RememberedLogins, credentials: Credentials) -> Deferred[Actor | None]:
    return Deferred.fromCoroutine(logins.authenticate(credentials))


def result(deferred: Deferred[Actor | None]) -> Actor | Failure | None:
    found: list[Actor | Failure | None] = []
    deferred.addBoth(found.append)
    return found[0]


def learn(logins: RememberedLogins, slow: Slow, credentials: Credentials, actor: Actor | None) -> None:
    pending = ask(logins, credentials)
    slow.asked[-1][1].callback(actor)
    assert actor is result(pending)


def test_a_known_login_is_answered_without_waiting(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    learn(logins, slow, ALICE, ACTOR)

    with pytest.raises(StopIteration) as stopped:
        logins.authenticate(ALICE).send(None)

    assert ACTOR is stopped.value.value
    assert len(slow.asked) == 1


@pytest.mark.parametrize("other", [Password("alice", "y"), Password("alic", "ex"), Password("alice:", ""), Bearer("alice:x")])
def test_other_credentials_are_other_logins(slow, clock, other):
    logins = RememberedLogins(slow, 10, clock)
    learn(logins, slow, ALICE, ACTOR)
    learn(logins, slow, other, None)

    assert len(slow.asked) == 2


def test_logins_expire(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    learn(logins, slow, ALICE, ACTOR)
    clock.now = 10.0
    learn(logins, slow, ALICE, None)
    learn(logins, slow, ALICE, None)


def test_zero_seconds_remember_nothing(slow, clock):
    logins = RememberedLogins(slow, 0, clock)
    learn(logins, slow, ALICE, ACTOR)
    learn(logins, slow, ALICE, ACTOR)

    assert len(slow.asked) == 2


def test_the_longest_unused_goes_first(slow, clock):
    logins = RememberedLogins(slow, 10, clock, entries=2)
    a, b, c = (Password(name, "x") for name in "abc")
    learn(logins, slow, a, ACTOR)
    learn(logins, slow, b, ACTOR)
    assert ACTOR is result(ask(logins, a))
    learn(logins, slow, c, ACTOR)
    assert ACTOR is result(ask(logins, a))
    learn(logins, slow, b, ACTOR)


def test_parallel_logins_are_verified_once_even_if_the_first_goes_away(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    first, second = ask(logins, ALICE), ask(logins, ALICE)
    first.cancel()
    assert isinstance(result(first), Failure)
    first.addErrback(lambda failure: failure.trap(CancelledError))
    slow.asked[0][1].callback(ACTOR)

    assert ACTOR is result(second)
    assert len(slow.asked) == 1


def test_failures_reach_all_and_are_not_remembered(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    pending = [ask(logins, ALICE), ask(logins, ALICE)]
    slow.asked[0][1].errback(Unauthenticated("no"))

    assert [str(result(one).value) for one in pending] == ["no", "no"]
    learn(logins, slow, ALICE, ACTOR)


def test_what_was_verified_before_a_change_is_not_remembered(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    pending = ask(logins, ALICE)
    logins.forget()
    slow.asked[0][1].callback(ACTOR)
    assert ACTOR is result(pending)
    learn(logins, slow, ALICE, None)


def test_who_comes_after_a_change_does_not_get_the_answer_of_before(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    before = ask(logins, ALICE)
    logins.forget()
    after, another = ask(logins, ALICE), ask(logins, ALICE)
    slow.asked[0][1].callback(ACTOR)
    assert ACTOR is result(before)
    assert not after.called and not another.called
    assert len(slow.asked) == 2, "once more for both"
    slow.asked[1][1].errback(Unauthenticated("revoked"))
    for late in (after, another):
        assert isinstance(found := result(late), Failure) and found.check(Unauthenticated)


def test_what_others_do_meanwhile_does_not_matter(slow, clock):
    """Else somebody who changes an app password all the time could have all others verified all the time."""
    logins = RememberedLogins(slow, 10, clock)
    pending = ask(logins, ALICE)
    for _ in range(1000):
        logins.forget(lambda actor: actor.id == "bob")
    after = ask(logins, ALICE)
    slow.asked[0][1].callback(ACTOR)
    assert ACTOR is result(pending) is result(after)
    assert ACTOR is result(ask(logins, ALICE))
    assert len(slow.asked) == 1


def test_no_secret_is_kept(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    learn(logins, slow, Password("alice", "hunter2"), ACTOR)

    assert "hunter2" not in repr(vars(logins))


@pytest.mark.parametrize(("expires", "lives"), [(None, 10.0), (1_800_000_100.0, 10.0), (1_800_000_004.0, 4.0)])
def test_a_login_is_not_remembered_for_longer_than_it_is_worth(slow, clock, expires, lives):
    actor = Actor(User("alice"), expires)
    logins = RememberedLogins(slow, 10, clock, now=lambda: 1_800_000_000.0 + clock())
    learn(logins, slow, ALICE, actor)
    clock.now = lives - 0.1
    assert actor is result(ask(logins, ALICE))
    clock.now = lives
    learn(logins, slow, ALICE, None)


def test_what_has_expired_already_is_not_remembered(slow, clock):
    actor = Actor(User("alice"), 1_799_999_999.0)
    logins = RememberedLogins(slow, 10, clock, now=lambda: 1_800_000_000.0)
    learn(logins, slow, ALICE, actor)
    learn(logins, slow, ALICE, actor)

    assert len(slow.asked) == 2


class Ends:
    """What may end logins; looks at nothing, and forgets what it is told to."""

    checked_until = 5.0

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self.looked = 0

    async def refresh(self) -> None:
        self.looked += 1
        for id in self.forgotten:
            self.logins.forget(lambda actor, id=id: actor.app_password == id)  # type: ignore[misc]
        self.checked_until += 5


def test_some_logins_can_be_forgotten(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    a, b = (Actor(User("alice"), app_password=id) for id in "ab")
    learn(logins, slow, Password("alice", "a"), a)
    learn(logins, slow, Password("alice", "b"), b)
    pending = ask(logins, ALICE)
    logins.forget(lambda actor: actor is a)

    assert b is result(ask(logins, Password("alice", "b")))
    learn(logins, slow, Password("alice", "a"), None)
    slow.asked[2][1].callback(ACTOR)
    assert ACTOR is result(pending) is result(ask(logins, ALICE)), "it is somebody else's"


def test_a_login_that_was_forgotten_meanwhile_is_not_remembered(slow, clock):
    logins = RememberedLogins(slow, 10, clock)
    pending = ask(logins, ALICE)
    logins.forget(lambda actor: actor.id == "bob")
    logins.forget(lambda actor: actor.id == "alice")
    slow.asked[0][1].callback(ACTOR)
    assert ACTOR is result(pending)
    learn(logins, slow, ALICE, None)


def test_only_app_passwords_wait_for_what_may_have_ended_them(slow, clock):
    ends, used = Ends(), []
    logins = RememberedLogins(slow, 100, clock, revocable=ends, used=used.append)
    ends.logins = logins
    a, b = (Actor(User("alice"), app_password=id) for id in "ab")
    for secret, actor in (("a", a), ("b", b), ("x", ACTOR)):
        learn(logins, slow, Password("alice", secret), actor)
    assert used == [a, b]
    clock.now = 4.9
    assert a is result(ask(logins, Password("alice", "a")))
    assert used == [a, b, a]
    ends.forgotten = ["a"]
    clock.now = 5.0
    assert ACTOR is result(ask(logins, ALICE))
    assert ends.looked == 0
    assert b is result(ask(logins, Password("alice", "b")))
    learn(logins, slow, Password("alice", "a"), None)
    assert (ends.looked, used) == (1, [a, b, a, b])
