"""Who works with the gateway's own page, with which browser, and until when."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Collection
from typing import Protocol

from ..log import make_logger
from ..model.login_flow import PAGE, Visitor
from ..model.people import Actor
from ..settings import Web as Rules
from ..state.login_sessions import StoredLoginSessions
from .login_sessions import Judge


class Ended(Protocol):
    """Sees to it that who has logged out is not let in by what is remembered, and is sent away."""

    def over(self, session: str) -> None:
        """One login is over."""

    def gone(self, number: int, ids: Collection[str] = (), user: str = "") -> None:
        """All of `user` are; `number` is what the state counts such changes by."""


class PageSessions:
    """In the state, under a hash of what the browser keeps, as `LoginSessions`: logging out ends one at once, and a password that
    was changed ends those that were begun with it."""

    def __init__(
        self,
        stored: StoredLoginSessions,
        rules: Rules,
        judge: Judge,
        ended: Ended,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`judge` says what has become of a login, `ended` learns of what ends here."""
        self._stored = stored
        self._rules = rules
        self._judge = judge
        self._ended = ended
        self._now = now
        self._log = make_logger()

    async def begin(self, visitor: Visitor) -> str:
        """The secret that the browser of somebody who has just logged in is to keep."""
        secret = secrets.token_urlsafe(32)
        expires = self._now() + self._rules.session_seconds
        await self._stored.add(_hash(secret), visitor, expires, self._rules.sessions_per_user)
        self._log.info("{user} logged in at the page", user=visitor.user.id)
        return secret

    async def actor(self, secret: str) -> Actor | None:
        """Who that is now; None if the login has ended, no directory knows the person any more, or the password by which it was
        is another one. Raises what directories and the state raise when they cannot be asked."""
        return await self.again(_hash(secret))

    async def again(self, session: str) -> Actor | None:
        """The same for a login that `actor` has told of before: by ``Actor.session``, without the secret."""
        found = await self._stored.find_lasting(session, self._now())
        if found is None:
            return None
        visitor, expires = found
        user, over, foreign = await self._judge(visitor)
        if user is None:
            if over:
                self._log.info("{user} has another password: a login at the page ends", user=visitor.user.id)
                await self._end(session)
            return None
        return Actor(user, expires, session=session, vouched=foreign)

    async def end(self, secret: str) -> None:
        """Log out."""
        await self._end(_hash(secret))

    async def _end(self, session: str) -> None:
        await self._stored.end(session, PAGE)
        self._ended.over(session)

    async def end_all(self, user: str) -> int:
        """Log a person out with all browsers, also where they look after app passwords; returns how many logins that were."""
        count, number = await self._stored.end_all(user)
        self._ended.gone(number, user=user)
        self._log.info("{user} was logged out everywhere", user=user)
        return count

    async def of(self, user: str | None = None) -> list[tuple[str, float]]:
        """Whose logins at the page last, of one person or of all, and until when."""
        return await self._stored.lasting(user, self._now())


def _hash(secret: str) -> str:
    """Another one than that of the login pages' secrets: neither can stand for the other."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"clawgate-page").hexdigest()
