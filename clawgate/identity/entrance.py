"""The way in: remembered logins pass, others are verified behind the brake."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from ..errors import ClawgateError, TooManyAttempts, Unauthenticated
from ..interfaces import Authenticator, Door
from ..log import make_logger
from ..model.attempts import Attempts
from ..model.people import Actor, Credentials, Password
from ..settings import Brake as Rules
from .brake import Attempt, Brake
from .cache import RememberedLogins
from .networks import network_of


class Store(Protocol):
    """Where counts survive a restart. Raises `StorageUnavailable` and `Overloaded`."""

    async def load(self, limit: int) -> Sequence[Attempts]:
        """The newest ones, oldest first; others are removed."""

    async def write(self, records: Iterable[Attempts], gone: Iterable[tuple[str, str]]) -> None:
        """Keep `records`, forget what is kept of persons and networks in `gone`."""

    async def expire(self, now: float) -> int:
        """Forget what has expired at `now` (seconds since 1970); returns how many."""


class Entrance(Door):
    """Passwords only. Bearer tokens cannot be guessed, but people behind one address send expired ones all day: a count of them
    would keep out nobody but those."""

    def __init__(self, logins: RememberedLogins, rules: Rules, store: Store, clock: Any) -> None:
        """`clock` is the reactor: it gives seconds since 1970 and timers."""
        self._logins = logins
        self._rules = rules
        self._store = store
        self._clock = clock
        self._brake = Brake(rules)
        self._key = os.urandom(32)
        self._delays: set[Deferred[None]] = set()
        self._timer: Any = None
        self._writing: Deferred[None] | None = None
        self._log = make_logger()
        self.refused = 0
        """Logins refused so far."""

    @property
    def waiting(self) -> int:
        """Logins that are being delayed."""
        return self._brake.waiting

    async def start(self) -> None:
        """Load what was known before the restart."""
        if self._rules.enabled:
            self._brake.tallies.load(await self._store.load(3 * self._rules.rows), self._clock.seconds())

    async def stop(self) -> None:
        """Give up the logins that wait, and write down what is left to write."""
        for delay in list(self._delays):
            delay.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            await self._writing
        await self._write()

    async def sweep(self) -> None:
        """Forget what is too old to count."""
        now = self._clock.seconds()
        self._brake.tallies.sweep(now)
        await self._store.expire(now)
        self._write_soon()

    async def enter(self, credentials: Credentials, address: str) -> Actor | None:
        """As `Authenticator.authenticate`, for a client at `address`."""
        if not self._rules.enabled or not isinstance(credentials, Password):
            return await self._logins.authenticate(credentials)
        network = network_of(address, self._rules.ipv4_prefix, self._rules.ipv6_prefix)
        actor = await self._logins.recall(credentials)
        try:
            if actor is None:
                # Parallel requests are one attempt only if they come from the same network.
                return await self._logins.verify(credentials, lambda inner: _Behind(self, inner, network), network)
            self._brake.remembered(credentials.user, network, self._clock.seconds())
        except TooManyAttempts:
            self.refused += 1
            raise
        self._write_soon()
        return actor

    async def attempt(self, inner: Authenticator, credentials: Password, network: str) -> Actor | None:
        """Let `inner` verify a password unless the brake is on. Raises `TooManyAttempts`, and what `inner` raises."""
        mark = blake2b(credentials.secret.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).digest()
        attempt = self._brake.begin(credentials.user, network, mark, self._clock.seconds())
        try:
            if attempt.delay:
                await self._wait(attempt)
            actor = await inner.authenticate(credentials)
        except Unauthenticated:
            self._failed(attempt)
            raise
        except BaseException:
            self._brake.drop(attempt)
            raise
        if actor is None:
            self._failed(attempt)
        else:
            # Who has an app password only, perhaps a stolen or a limited one, must not get more guesses at the password by it.
            self._brake.succeed(attempt, self._clock.seconds(), forgive=not actor.app_password)
            self._write_soon()
        return actor

    async def _wait(self, attempt: Attempt) -> None:
        delay: Deferred[None] = deferLater(self._clock, attempt.delay)
        self._delays.add(delay)
        try:
            await delay
        except CancelledError:
            raise TooManyAttempts("the gateway is stopping; try again later", 5) from None
        finally:
            self._delays.discard(delay)
            self._brake.waited(attempt)

    def _failed(self, attempt: Attempt) -> None:
        for who in self._brake.fail(attempt, self._clock.seconds()):
            self._log.warn("too many failed logins: {who} is refused for now", who=who)
        self._write_soon()

    def _write_soon(self) -> None:
        """One write for all that happens within some seconds."""
        if self._timer is None and self._brake.tallies.changed:
            self._timer = self._clock.callLater(self._rules.write_seconds, self._begin_write)

    def _begin_write(self) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.called:
            self._write_soon()
        else:
            self._writing = Deferred.fromCoroutine(self._write())

    async def _write(self) -> None:
        records, gone = self._brake.tallies.changes()
        if not records and not gone:
            return
        try:
            await self._store.write(records, gone)
        except ClawgateError as error:
            self._brake.tallies.again(records, gone)
            self._log.warn("failed logins cannot be written down yet: {error}", error=error)
        except Exception:
            self._log.failure("failed logins could not be written down")


class _Behind(Authenticator):
    """The authenticators behind the brake, for clients of one network."""

    def __init__(self, entrance: Entrance, inner: Authenticator, network: str) -> None:
        self._entrance = entrance
        self._inner = inner
        self._network = network

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        if isinstance(credentials, Password):
            return await self._entrance.attempt(self._inner, credentials, self._network)
        return await self._inner.authenticate(credentials)
