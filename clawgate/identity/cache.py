"""Successful logins, remembered: clients send the password with every request, and verifying it is slow on purpose."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..interfaces import Authenticator
from ..model.people import Actor, Credentials, Password
from .verification import Verification, Which, everybody

ENTRIES = 10_000
"""Logins remembered at most; the longest unused one goes first."""
_Key = tuple[bytes, str]
"""Credentials, and where they come from."""


class Revocable(Protocol):
    """What may end logins by app password at any time, also in another process."""

    @property
    def checked_until(self) -> float:
        """The reading of the clock from which on `refresh` must be awaited before such a login is believed."""

    async def refresh(self) -> None:
        """Look whether something was ended, and have it forgotten."""


class RememberedLogins(Authenticator):
    """An authenticator before another one.

    Only successes are remembered, under a BLAKE2 hash keyed with random bytes that live as long as the process: its memory
    holds no passwords and no hashes worth guessing at.

    The same credentials sent in parallel are verified once; those that come after a change anew.
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
        revocable: Revocable | None = None,
        used: Callable[[Actor], None] | None = None,
    ) -> None:
        """A login is remembered for `seconds` of `clock`, but not longer than its actor says (`now` tells the seconds since
        1970); 0: not at all. Once `clock` passes what `current` returns, `refresh` is awaited before a remembered login is
        believed; it calls `forget` if something changed. For logins by app password the same goes for `revocable`, and `used` is
        called with each."""
        self._inner = inner
        self._seconds = seconds
        self._clock = clock
        self._limit = entries
        self._current = current
        self._refresh = refresh
        self._now = now
        self._revocable = revocable
        self._used = used
        self._key = os.urandom(32)
        self._entries: OrderedDict[bytes, tuple[float, Actor]] = OrderedDict()
        self._running: dict[_Key, Verification] = {}
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
        if entry is not None and entry[1].app_password:
            if self._revocable is not None and now >= self._revocable.checked_until:
                await self._revocable.refresh()
                entry = self._entries.get(key)
            if entry is not None and now < entry[0] and self._used is not None:
                self._used(entry[1])
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

    def forget(self, which: Which | None = None) -> None:
        """Forget all, or the logins of those actors; verifications on their way are not remembered either."""
        if which is None:
            self._entries.clear()
        else:
            for key in [key for key, (_, actor) in self._entries.items() if which(actor)]:
                del self._entries[key]
        for one in self._running.values():
            one.forget(which or everybody)

    def _hash(self, credentials: Credentials) -> bytes:
        if isinstance(credentials, Password):
            user = credentials.user.encode("utf-8", "surrogatepass")
            secret = b"%d:%d:%b%b" % (credentials.page, len(user), user, credentials.secret.encode("utf-8", "surrogatepass"))
        else:
            secret = b"t" + credentials.token.encode("utf-8", "surrogatepass")
        return blake2b(secret, digest_size=32, key=self._key).digest()

    async def _verify(self, key: _Key, credentials: Credentials, inner: Authenticator) -> Actor | None:
        waiter: Deferred[Actor | None] = Deferred()
        running = self._running.get(key)
        if running is not None:
            running.waiting.append(waiter)
        else:
            self._running[key] = Verification([waiter])
            # On its own, because the request that came first may be cancelled while others wait for the same answer.
            Deferred.fromCoroutine(self._ask(key, credentials, inner))
        return await waiter

    async def _ask(self, key: _Key, credentials: Credentials, inner: Authenticator) -> None:
        outcome: Actor | Failure | None
        running, late = self._running[key], []
        try:
            outcome = await inner.authenticate(credentials)
        except Exception:
            outcome = Failure()  # type: ignore[no-untyped-call]
        else:
            if outcome is not None and outcome.app_password and self._used is not None:
                self._used(outcome)
            if outcome is not None and running.is_old(outcome):
                late = running.late
            elif outcome is not None and (seconds := self._lifetime(outcome)) > 0:
                self._entries[key[0]] = (self._clock() + seconds, outcome)
                if len(self._entries) > self._limit:
                    self._entries.popitem(last=False)
        del self._running[key]
        if late:
            # They came after the change.
            self._running[key] = Verification(late)
            Deferred.fromCoroutine(self._ask(key, credentials, inner))
        for waiter in running.waiting[: len(running.waiting) - len(late)]:
            if isinstance(outcome, Failure):
                waiter.errback(outcome)
            else:
                waiter.callback(outcome)

    def _lifetime(self, actor: Actor) -> float:
        """Seconds for which `actor` may be remembered from now on."""
        return self._seconds if actor.expires is None else min(self._seconds, actor.expires - self._now())
