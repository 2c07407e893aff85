"""Successful logins, remembered: clients send the password with every request, and verifying it is slow on purpose."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..interfaces import Authenticator
from ..model.people import Actor, Credentials, Password

ENTRIES = 10_000
"""Logins remembered at most; the longest unused one goes first."""


class RememberedLogins(Authenticator):
    """An authenticator before another one.

    Only successes are remembered, under a BLAKE2 hash keyed with random bytes that live as long as the process: its memory
    holds no passwords and no hashes worth guessing at.

    The same credentials sent in parallel are verified once.
    """

    def __init__(
        self,
        inner: Authenticator,
        seconds: float,
        clock: Callable[[], float],
        *,
        entries: int = ENTRIES,
        current: Callable[[], float] = lambda: float("inf"),
        refresh: Callable[[], Awaitable[None]] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """A login is remembered for `seconds` of `clock`, but not longer than its actor says (`now` tells the seconds since
        1970); 0: not at all. Once `clock` passes what `current` returns, `refresh` is awaited before a remembered login is
        believed; it calls `forget` if something changed."""
        self._inner = inner
        self._seconds = seconds
        self._clock = clock
        self._limit = entries
        self._current = current
        self._refresh = refresh
        self._now = now
        self._key = os.urandom(32)
        self._entries: OrderedDict[bytes, tuple[float, Actor]] = OrderedDict()
        self._running: dict[tuple[bytes, str], list[Deferred[Actor | None]]] = {}
        self._generation = 0
        self.hits = 0
        """Logins answered from memory so far."""
        self.misses = 0
        """Logins that had to be verified so far."""

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """As the inner authenticator; does not wait for anything when the login is remembered and the sources are current."""
        actor = await self.recall(credentials)
        return actor if actor is not None else await self.verify(credentials)

    async def recall(self, credentials: Credentials) -> Actor | None:
        """The actor if the login is remembered."""
        key = self._hash(credentials)
        now = self._clock()
        if now >= self._current() and self._refresh is not None:
            await self._refresh()
        entry = self._entries.get(key)
        if entry is not None:
            if now < entry[0]:
                self._entries.move_to_end(key)
                self.hits += 1
                return entry[1]
            del self._entries[key]
        return None

    async def verify(
        self, credentials: Credentials, through: Callable[[Authenticator], Authenticator] | None = None, origin: str = ""
    ) -> Actor | None:
        """Ask the inner authenticator, or what `through` makes of it, and remember success.

        The same credentials from the same `origin` are asked about once at a time.
        """
        self.misses += 1
        inner = self._inner if through is None else through(self._inner)
        return await self._verify((self._hash(credentials), origin), credentials, inner)

    def forget(self) -> None:
        """Forget all; verifications on their way are not remembered either."""
        self._entries.clear()
        self._generation += 1

    def _hash(self, credentials: Credentials) -> bytes:
        if isinstance(credentials, Password):
            user = credentials.user.encode("utf-8", "surrogatepass")
            secret = b"%d:%b%b" % (len(user), user, credentials.secret.encode("utf-8", "surrogatepass"))
        else:
            secret = b"t" + credentials.token.encode("utf-8", "surrogatepass")
        return blake2b(secret, digest_size=32, key=self._key).digest()

    async def _verify(self, key: tuple[bytes, str], credentials: Credentials, inner: Authenticator) -> Actor | None:
        waiter: Deferred[Actor | None] = Deferred()
        waiting = self._running.get(key)
        if waiting is not None:
            waiting.append(waiter)
        else:
            self._running[key] = [waiter]
            # On its own, because the request that came first may be cancelled while others wait for the same answer.
            Deferred.fromCoroutine(self._ask(key, credentials, inner))
        return await waiter

    async def _ask(self, key: tuple[bytes, str], credentials: Credentials, inner: Authenticator) -> None:
        generation = self._generation
        outcome: Actor | Failure | None
        try:
            outcome = await inner.authenticate(credentials)
        except Exception:
            outcome = Failure()  # type: ignore[no-untyped-call]
        else:
            if outcome is not None and generation == self._generation and (seconds := self._lifetime(outcome)) > 0:
                self._entries[key[0]] = (self._clock() + seconds, outcome)
                if len(self._entries) > self._limit:
                    self._entries.popitem(last=False)
        for waiter in self._running.pop(key):
            if isinstance(outcome, Failure):
                waiter.errback(outcome)
            else:
                waiter.callback(outcome)

    def _lifetime(self, actor: Actor) -> float:
        """Seconds for which `actor` may be remembered from now on."""
        return self._seconds if actor.expires is None else min(self._seconds, actor.expires - self._now())
