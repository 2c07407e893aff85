"""Who has logged in with which browser, for a few minutes and for one purpose."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable

from ..model.login_flow import Judgement, Visitor
from ..settings import LoginFlow as Rules
from ..state.login_sessions import StoredLoginSessions

APP_PASSWORDS = ""
"""The purpose of a login to look after one's own app passwords; any other is the id of a login flow."""


Judge = Callable[[Visitor], Awaitable[Judgement]]
"""Says what has become of a login; raises what directories raise when they cannot be asked."""


class LoginSessions:
    """In the state, under a hash of the browser's secret: every process knows them, each can be ended, and a copy of the table
    lets nobody in. A signed cookie would need no row, but could not be ended before its time."""

    def __init__(
        self,
        stored: StoredLoginSessions,
        rules: Rules,
        now: Callable[[], float] = time.time,
        judge: Judge | None = None,
    ) -> None:
        """Without `judge` whoever has logged in is good for the whole time."""
        self._judge = judge
        self._stored = stored
        self._rules = rules
        self._now = now

    async def begin(self, old: str, secret: str, purpose: str, visitor: Visitor) -> None:
        """Note that `visitor` has logged in. The browser had the secret `old`, and is to have `secret` from now on: whoever knew
        what it had before the login gains nothing."""
        expires = self._now() + self._rules.session_seconds
        await self._stored.put(_hash(old), _hash(secret), purpose, visitor, expires, self._rules.sessions_per_user)

    async def visitor(self, secret: str, purpose: str) -> Visitor | None:
        """Who has logged in with this browser for `purpose`; None if the password by which that was is another one now. Raises
        what directories raise."""
        found = await self._stored.find(_hash(secret), purpose, self._now())
        if found is None or self._judge is None:
            return found
        user, over, _ = await self._judge(found)
        if over:
            await self.end(secret, purpose)
        return found if user is not None else None

    async def end(self, secret: str, purpose: str) -> None:
        """Log out."""
        await self._stored.end(_hash(secret), purpose)

    async def sweep(self) -> None:
        """Forget those whose time is up."""
        await self._stored.expire(self._now())


def _hash(secret: str) -> str:
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"clawgate-browser").hexdigest()
