"""Who works with the gateway's own page, with which browser, and until when."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable

from ..log import make_logger
from ..model.login_flow import PAGE, Visitor
from ..model.people import Actor, User
from ..settings import Web as Rules
from ..state.login_sessions import StoredLoginSessions


class PageSessions:
    """In the state, under a hash of what the browser keeps, as `LoginSessions`: logging out ends one at once."""

    def __init__(
        self,
        stored: StoredLoginSessions,
        rules: Rules,
        known: Callable[[str], Awaitable[User | None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`known` is whom the directories know by an id."""
        self._stored = stored
        self._rules = rules
        self._known = known
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
        """Who that is now; None if the login has ended, or no directory knows the person any more. Raises what directories and
        the state raise when they cannot be asked."""
        found = await self._stored.find_lasting(_hash(secret), self._now())
        if found is None:
            return None
        visitor, expires = found
        user = await self._known(visitor.user.id)
        if user is None and not visitor.foreign:
            return None
        return Actor(user or visitor.user, expires)

    async def end(self, secret: str) -> None:
        """Log out."""
        await self._stored.end(_hash(secret), PAGE)


def _hash(secret: str) -> str:
    """Another one than that of the login pages' secrets: neither can stand for the other."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"clawgate-page").hexdigest()
