"""What failed logins lead to: longer and longer delays, then refusal. Decisions only: no timers, no database.

Failures count per person and network, so that the person at another address is not locked out; and per network, for guesses at
many names. Times are seconds since 1970. Nothing here depends on whether a person exists.
"""

from __future__ import annotations

import math

import attrs

from ..errors import TooManyAttempts
from ..settings import Brake as Rules
from .networks import person
from .tallies import Key, Tallies, Tally


@attrs.frozen
class Attempt:
    """One login that was let through; it must be ended with `Brake.fail`, `succeed` or `drop`."""

    name: str
    key: Key
    mark: bytes = attrs.field(repr=False)
    delay: float
    """Seconds to wait before the credentials are looked at."""
    repeated: bool
    """The secret is known to have been wrong: it does not count again."""


class Brake:
    """Who may try to log in, from where, and after which delay."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.tallies = Tallies(rules)
        self._waiting: dict[str, int] = {}
        self.waiting = 0
        """Logins that are being delayed."""

    def begin(self, name: str, network: str, mark: bytes, now: float) -> Attempt:
        """Let somebody try a secret that `mark` stands for. Raises `TooManyAttempts`."""
        key = (person(name), network)
        self._refuse(key, now, mark)
        rules, tallies = self._rules, self.tallies
        tally = tallies.of_person(key, now) or Tally()
        repeated = mark in tally.wrong
        suspects = tally.failures + tally.running
        if tally.running and not repeated and suspects >= rules.tries:
            raise _refusal(rules.maximum_seconds)
        delay = self._delay(suspects, rules.free)
        whole = tallies.of_network(network, now)
        if whole is not None and key not in tallies.known:
            delay = max(delay, self._delay(whole.failures, rules.network_free))
        if delay:
            if self.waiting >= rules.waiting or self._waiting.get(network, 0) >= rules.waiting_per_network:
                raise _refusal(delay)
            self.waiting += 1
            self._waiting[network] = self._waiting.get(network, 0) + 1
        if not repeated:
            tally.running += 1
            tallies.people[key] = tally
        return Attempt(name, key, mark, delay, repeated)

    def waited(self, attempt: Attempt) -> None:
        """The delay of an attempt that had one is over."""
        network = attempt.key[1]
        self.waiting -= 1
        self._waiting[network] -= 1
        if not self._waiting[network]:
            del self._waiting[network]

    def fail(self, attempt: Attempt, now: float) -> list[str]:
        """The secret was wrong. Returns who is refused from now on and was not before, in words for the log."""
        if attempt.repeated:
            return []
        tally, whole = self.tallies.count(attempt.key, now)
        tally.running = max(0, tally.running - 1)
        tally.wrong = [*tally.wrong, attempt.mark][-self._rules.repeats :] if self._rules.repeats else []
        network = attempt.key[1]
        refused = [f"{attempt.name[:100]!r} from {network}"] if tally.failures == self._rules.tries else []
        return [*refused, f"everybody new from {network}"] if whole.failures == self._rules.network_tries else refused

    def succeed(self, attempt: Attempt, now: float, *, forgive: bool = True) -> None:
        """The secret was right. With `forgive` the person's failures in this network are forgotten, in the network's sum too."""
        self.drop(attempt)
        if forgive:
            self.tallies.forgive(attempt.key)
        self.tallies.welcome(attempt.key, now)

    def drop(self, attempt: Attempt) -> None:
        """Nobody could tell whether the secret was right."""
        tally = self.tallies.people.get(attempt.key)
        if tally is not None and not attempt.repeated:
            tally.running = max(0, tally.running - 1)
            if not tally.running and not tally.failures:
                del self.tallies.people[attempt.key]

    def remembered(self, name: str, network: str, now: float) -> None:
        """A remembered login is used. Raises `TooManyAttempts` where the person is refused and has never been, and after very
        many refusals: else the memory could be guessed at as fast as requests are answered."""
        key = (person(name), network)
        tally = self.tallies.people.get(key)
        if key not in self.tallies.known or (tally is not None and 0 < self._rules.stubborn < tally.turned_away):
            self._refuse(key, now)
        self.tallies.welcome(key, now)

    def _refuse(self, key: Key, now: float, mark: bytes = b"") -> None:
        tally = self.tallies.of_person(key, now)
        left = self._left(tally, self._rules.tries, now)
        if key not in self.tallies.known:
            left = max(left, self._left(self.tallies.of_network(key[1], now), self._rules.network_tries, now))
        if left > 0:
            # A forgotten program with an old password goes on for ever, and is no guesser.
            if tally is not None and mark not in tally.wrong:
                tally.turned_away += 1
            raise _refusal(left)

    def _left(self, tally: Tally | None, tries: int, now: float) -> float:
        """Seconds for which refusal lasts; after it one more failure begins it anew."""
        return tally.last + self._rules.refuse_seconds - now if tally is not None and tally.failures >= tries else 0.0

    def _delay(self, failures: int, free: int) -> float:
        if failures < free:
            return 0.0
        return min(self._rules.maximum_seconds, self._rules.base_seconds * self._rules.factor ** min(failures - free, 100))


def _refusal(seconds: float) -> TooManyAttempts:
    wait = max(1, math.ceil(seconds))
    return TooManyAttempts(f"too many failed logins; try again in {wait} seconds", wait)
