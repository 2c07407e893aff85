"""How often logins failed, by person and network: what the brake decides by. All of it has bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import attrs

from ..model.attempts import Attempts
from ..settings import Brake as Rules

DAY = 86400.0
Key = tuple[str, str]
"""A person, as `networks.person` tells them apart, and a network."""


@attrs.define
class Tally:
    """Failures of one person in one network, or of one network."""

    failures: int = 0
    last: float = 0.0
    running: int = 0
    """Attempts that were let through and have no outcome yet; each may turn out to be a failure."""
    turned_away: int = 0
    """Attempts refused since the last failure, but those with a secret that is known to be wrong."""
    wrong: list[bytes] = attrs.field(factory=list, repr=False)
    """Marks of the last wrong secrets: a client that repeats one is no guesser."""


class Tallies:
    """Failures and successes; the longest untouched ones make room for others. Times are seconds since 1970."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.people: OrderedDict[Key, Tally] = OrderedDict()
        self.networks: OrderedDict[str, Tally] = OrderedDict()
        self.known: OrderedDict[Key, float] = OrderedDict()
        """When a person last logged in from a network."""
        self._changed: set[Key] = set()

    def of_person(self, key: Key, now: float) -> Tally | None:
        """Failures of a person in a network; None: none."""
        return self._live(self.people.get(key), now)

    def of_network(self, network: str, now: float) -> Tally | None:
        """Failures of a network; None: none."""
        return self._live(self.networks.get(network), now)

    def count(self, key: Key, now: float) -> tuple[Tally, Tally]:
        """One more failure; returns what counts for the person and for the network."""
        network = key[1]
        tally = self._live(self.people.get(key), now) or Tally()
        whole = self._live(self.networks.get(network), now) or Tally()
        for one in (tally, whole):
            one.failures, one.last, one.turned_away = one.failures + 1, now, 0
        self.people[key], self.networks[network] = tally, whole
        self.people.move_to_end(key)
        self.networks.move_to_end(network)
        self._changed.update((key, ("", network)))
        self._trim()
        return tally, whole

    def forgive(self, key: Key) -> None:
        """Forget a person's failures in a network, also as part of the network's."""
        tally = self.people.get(key)
        if tally is None or not tally.failures:
            return
        whole = self.networks.get(key[1])
        if whole is not None:
            whole.failures = max(0, whole.failures - tally.failures)
        tally.failures, tally.turned_away, tally.wrong = 0, 0, []
        if not tally.running:
            del self.people[key]
        self._changed.update((key, ("", key[1])))

    def welcome(self, key: Key, now: float) -> None:
        """A login from this network succeeded; that is noted once a day."""
        good = self.known.get(key)
        if good is None or now - good >= DAY:
            self.known[key] = now
            self.known.move_to_end(key)
            self._changed.add(key)
            self._trim()

    @property
    def changed(self) -> bool:
        """Whether something must be written down."""
        return bool(self._changed)

    def load(self, records: Iterable[Attempts], now: float) -> None:
        """Take over what was kept. A clock that was ahead does not refuse anybody for longer."""
        for one in records:
            if one.expires <= now:
                continue
            if one.failures:
                tally = Tally(one.failures, min(one.last, now))
                if one.user:
                    self.people[one.user, one.network] = tally
                else:
                    self.networks[one.network] = tally
            if one.good:
                self.known[one.user, one.network] = min(one.good, now)

    def changes(self) -> tuple[list[Attempts], list[Key]]:
        """What must be written down since the last call, and what must be forgotten."""
        records, gone = [], []
        for user, network in self._changed:
            tally = self.people.get((user, network)) if user else self.networks.get(network)
            failures, last = (tally.failures, tally.last) if tally is not None and tally.failures else (0, 0.0)
            good = self.known.get((user, network), 0.0)
            until = last + self._rules.forget_seconds if failures else 0.0
            if good:
                until = max(until, good + self._rules.known_days * DAY)
            if until:
                records.append(Attempts(user, network, failures, last, good, until))
            else:
                gone.append((user, network))
        self._changed.clear()
        return records, gone

    def again(self, records: Iterable[Attempts], gone: Iterable[Key]) -> None:
        """What `changes` told could not be written: tell it again."""
        self._changed.update((one.user, one.network) for one in records)
        self._changed.update(gone)

    def sweep(self, now: float) -> None:
        """Let go of what is forgotten; the database lets go of it by itself."""
        for key, tally in list(self.people.items()):
            self._live(tally, now)
            if not tally.failures and not tally.running:
                del self.people[key]
        for network, tally in list(self.networks.items()):
            self._live(tally, now)
            if not tally.failures:
                del self.networks[network]
        for known, good in list(self.known.items()):
            if now - good >= self._rules.known_days * DAY:
                del self.known[known]

    def _live(self, tally: Tally | None, now: float) -> Tally | None:
        """The tally, without failures that are too old to count."""
        if tally is not None and tally.failures and now - tally.last >= self._rules.forget_seconds:
            tally.failures, tally.turned_away, tally.wrong = 0, 0, []
        return tally

    def _trim(self) -> None:
        limit = self._rules.rows
        while len(self.people) > limit:
            self._changed.add(self.people.popitem(last=False)[0])
        while len(self.networks) > limit:
            self._changed.add(("", self.networks.popitem(last=False)[0]))
        while len(self.known) > limit:
            self._changed.add(self.known.popitem(last=False)[0])
