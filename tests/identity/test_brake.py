"""What failed logins lead to, decided without waiting for anything."""

from __future__ import annotations

import attrs
import pytest

from clawgate.errors import TooManyAttempts
from clawgate.identity.brake import Attempt, Brake
from clawgate.identity.networks import network_of, person
from clawgate.settings import Brake as Rules

HERE, THERE = "192.0.2.1/32", "192.0.2.2/32"
RULES = Rules(
    free=2, tries=5, network_free=8, network_tries=12, base_seconds=1, factor=2, maximum_seconds=3, refuse_seconds=100, repeats=3
)
NOW = 1_800_000_000.0


def begin(brake: Brake, name: str = "alice", network: str = HERE, secret: str = "x", now: float = NOW) -> Attempt:
    attempt = brake.begin(name, network, secret.encode(), now)
    if attempt.delay:
        brake.waited(attempt)
    return attempt


def guess(brake: Brake, count: int, name: str = "alice", network: str = HERE, now: float = NOW, word: str = "wrong") -> list[str]:
    return [line for i in range(count) for line in brake.fail(begin(brake, name, network, f"{word}{i}", now), now)]


def wait(brake: Brake, name: str = "alice", network: str = HERE, now: float = NOW) -> int:
    """Seconds for which a login is refused; 0: it is not."""
    try:
        brake.drop(begin(brake, name, network, "another", now))
    except TooManyAttempts as error:
        return error.retry_after
    return 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
        ("", ""),
        ("x" * 1000, "x" * 64),
    ],
)
def test_networks(address, network):
    assert network_of(address, 32, 64) == network


def test_networks_may_be_wider():
    assert network_of("192.0.2.7", 24, 56) == "192.0.2.0/24"
    assert network_of("2001:db8:1:2ff::1", 24, 56) == "2001:db8:1:200::/56"


def test_spellings_of_a_name_are_one_person():
    assert len({person(name) for name in ("alice", "Alice", " ALICE ", "ａｌｉｃｅ")}) == 1
    assert len({person(name) for name in ("alice", "alic", "bob", "", "\udcff", "a" * 60000)}) == 6


def test_delays_grow_and_end_in_refusal():
    brake = Brake(RULES)
    delays = []
    for i in range(5):
        attempt = begin(brake, secret=f"wrong{i}")
        delays.append(attempt.delay)
        lines = brake.fail(attempt, NOW)
    assert delays == [0, 0, 1, 2, 3]
    assert lines == ["'alice' from 192.0.2.1/32"]
    assert wait(brake) == 100
    assert wait(brake, now=NOW + 99.5) == 1
    assert wait(brake, "Alice") == 100


def test_only_that_person_from_that_network_is_refused():
    brake = Brake(RULES)
    guess(brake, 5)
    assert [wait(brake, "alice", THERE), wait(brake, "bob", HERE)] == [0, 0]


def test_after_a_refusal_there_is_one_try():
    brake = Brake(RULES)
    guess(brake, 5)
    later = NOW + 100
    attempt = begin(brake, secret="one", now=later)
    assert attempt.delay == 3
    assert wait(brake, now=later) == 3
    assert brake.fail(attempt, later) == []
    assert wait(brake, now=later) == 100


def test_parallel_guesses_are_counted_before_they_end():
    brake = Brake(RULES)
    attempts = [begin(brake, secret=str(i)) for i in range(5)]
    assert [one.delay for one in attempts] == [0, 0, 1, 2, 3]
    with pytest.raises(TooManyAttempts):
        begin(brake, secret="6")
    for one in attempts:
        brake.drop(one)
    assert begin(brake).delay == 0


def test_success_resets():
    brake = Brake(RULES)
    guess(brake, 4)
    brake.succeed(begin(brake, secret="right"), NOW)
    assert begin(brake, secret="y").delay == 0
    assert brake.tallies.networks[HERE].failures == 0


def test_what_nobody_could_judge_does_not_count():
    brake = Brake(RULES)
    for i in range(100):
        brake.drop(begin(brake, secret=str(i)))
    assert begin(brake).delay == 0
    assert not brake.tallies.changed


def test_a_repeated_secret_counts_once():
    brake = Brake(RULES)
    for _ in range(100):
        brake.fail(begin(brake, secret="old"), NOW)
    assert brake.tallies.networks[HERE].failures == 1
    guess(brake, 3)
    brake.fail(begin(brake, secret="old"), NOW)
    assert brake.tallies.networks[HERE].failures == 5, "only the last few are known"


def test_failures_are_forgotten():
    brake = Brake(RULES)
    guess(brake, 5)
    later = NOW + RULES.forget_seconds
    assert begin(brake, now=later).delay == 0
    brake = Brake(RULES)
    guess(brake, 5)
    brake.tallies.sweep(later)
    assert not brake.tallies.people and not brake.tallies.networks


def test_a_network_that_guesses_at_many_is_refused_for_those_it_does_not_know():
    brake = Brake(RULES)
    brake.succeed(begin(brake, "carol"), NOW)
    for i in range(8):
        guess(brake, 1, f"user{i}")
    assert [begin(brake, "new").delay, begin(brake, "carol").delay] == [1, 0]
    lines = [line for i in range(8, 12) for line in guess(brake, 1, f"user{i}")]
    assert lines == ["everybody new from 192.0.2.1/32"]
    assert [wait(brake, "new"), wait(brake, "carol"), wait(brake, "new", THERE)] == [100, 0, 0]


def test_ones_own_login_does_not_pay_for_guesses_at_others():
    brake = Brake(RULES)
    for i in range(12):
        guess(brake, 1, f"user{i}")
        if i < 11:
            brake.succeed(begin(brake, "mallory", secret="own"), NOW)
    assert wait(brake, "new") == 100


@pytest.mark.parametrize(("total", "each"), [(3, 100), (100, 3)])
def test_few_logins_wait_at_once(total, each):
    brake = Brake(attrs.evolve(RULES, tries=50, waiting=total, waiting_per_network=each))
    guess(brake, 2)
    waiting = [brake.begin("alice", HERE, bytes([i]), NOW) for i in range(3)]
    with pytest.raises(TooManyAttempts) as caught:
        brake.begin("alice", HERE, b"more", NOW)
    assert caught.value.retry_after == 3
    for one in waiting:
        brake.waited(one)
    assert brake.waiting == 0
    assert brake.begin("alice", HERE, b"more", NOW).delay


def test_remembered_logins_pass_where_the_person_has_been():
    brake = Brake(RULES)
    brake.remembered("alice", HERE, NOW)
    guess(brake, 5, network=HERE)
    guess(brake, 5, network=THERE)
    brake.remembered("alice", HERE, NOW)
    with pytest.raises(TooManyAttempts):
        brake.remembered("alice", THERE, NOW)


def test_the_memory_cannot_be_guessed_at_for_ever():
    brake = Brake(attrs.evolve(RULES, stubborn=20))
    brake.remembered("alice", HERE, NOW)
    guess(brake, 5)
    for _ in range(20):
        assert wait(brake)
        brake.remembered("alice", HERE, NOW)
    assert wait(brake)
    with pytest.raises(TooManyAttempts):
        brake.remembered("alice", HERE, NOW)
    brake.remembered("alice", HERE, NOW + 100)


def test_a_forgotten_program_does_not_lock_the_others_out():
    brake = Brake(attrs.evolve(RULES, stubborn=20, repeats=2))
    brake.remembered("alice", HERE, NOW)
    guess(brake, 5)
    for _ in range(1000):
        with pytest.raises(TooManyAttempts):
            begin(brake, "alice", HERE, "wrong4", NOW)
    brake.remembered("alice", HERE, NOW)
    # New guesses count, also among the old ones.
    for number in range(21):
        for word in ("wrong3", f"new{number}"):
            with pytest.raises(TooManyAttempts):
                begin(brake, "alice", HERE, word, NOW)
    with pytest.raises(TooManyAttempts):
        brake.remembered("alice", HERE, NOW)


def test_memory_is_bounded():
    brake = Brake(attrs.evolve(RULES, rows=10))
    for i in range(50):
        guess(brake, 1, f"user{i}", f"net{i}")
        brake.remembered(f"user{i}", f"net{i}", NOW)
    tallies = brake.tallies
    assert [len(tallies.people), len(tallies.networks), len(tallies.known)] == [10, 10, 10]
    records, gone = tallies.changes()
    assert [len(records), len(gone)] == [20, 80]


def test_what_is_kept_comes_back():
    brake = Brake(RULES)
    guess(brake, 5)
    brake.remembered("bob", HERE, NOW)
    records, gone = brake.tallies.changes()
    assert len(records) == 3 and not gone and not brake.tallies.changed
    again = Brake(RULES)
    again.tallies.load(records, NOW + 1)
    assert [wait(again, now=NOW + 1), wait(again, "bob", now=NOW + 1)] == [99, 0]
    assert again.tallies.known.keys() == {(person("bob"), HERE)}
    early = Brake(RULES)
    early.tallies.load(records, NOW - 5000)
    assert wait(early, now=NOW - 5000) == 100, "the clock was wrong before"
    late = Brake(RULES)
    late.tallies.load(records, NOW + 365 * 86400)
    assert not late.tallies.people and not late.tallies.known


def test_no_secret_and_no_name_is_kept():
    brake = Brake(RULES)
    attempt = begin(brake, "hunter2", secret="hunter3")
    brake.fail(attempt, NOW)
    assert "hunter" not in repr(brake.tallies.changes())
    assert "hunter3" not in repr(attempt) + repr(brake.tallies.people)
