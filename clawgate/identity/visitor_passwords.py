"""App passwords of people who have logged in with a browser."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from ..errors import Forbidden, NotFound
from ..model.app_password import AppPassword
from ..model.login_flow import Judgement, Visitor
from ..model.people import Scope, User
from .app_passwords import AppPasswords


class VisitorPasswords:
    """Made for who somebody is now, which may be minutes after the login."""

    def __init__(
        self,
        passwords: AppPasswords,
        most: int,
        judge: Callable[[Visitor], Awaitable[Judgement]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`most`: app passwords of one person; `judge` says what has become of a login."""
        self._passwords = passwords
        self._most = most
        self._judge = judge
        self._now = now

    async def of(self, user: str) -> Sequence[AppPassword]:
        """Those of one person."""
        return await self._passwords.of(user)

    async def check(self, visitor: Visitor) -> None:
        """Raise `Forbidden` if no further one can be made now, `StorageUnavailable` if nobody can tell."""
        await self._owner(visitor)
        alive = [one for one in await self.of(visitor.user.id) if one.expires is None or one.expires > self._now()]
        if len(alive) >= self._most:
            raise Forbidden(f"you have {self._most} app passwords, and there cannot be more; revoke some first")

    async def issue(self, visitor: Visitor, name: str, stays: Callable[[], Awaitable[bool]]) -> str | None:
        """The secret of a new one without limits; None if `stays`, asked when it is made, says no: then it is ended at once.
        Raises as `make`, and what `stays` raises."""
        user, foreign = await self._owner(visitor)
        made, secret = await self._passwords.make(user, name, foreign=foreign, scope=Scope(), days=None)
        stay = False
        try:
            stay = await stays()
        finally:
            if not stay:
                # Who ends all of somebody's may have found it already.
                with suppress(NotFound):
                    await self._passwords.revoke(user.id, made.id)
        return secret if stay else None

    async def make(self, visitor: Visitor, name: str, scope: Scope, days: float | None) -> str:
        """The secret of a new one. Raises `Forbidden` if the person has left, has another password than at the login,
        or has too many app passwords, `StorageUnavailable`, `InvalidRequest` for impossible `days`."""
        user, foreign = await self._owner(visitor)
        _, secret = await self._passwords.make(user, name, foreign=foreign, scope=scope, days=days)
        return secret

    async def revoke(self, user: str, id: str) -> None:
        """End one at once. Raises `NotFound`."""
        await self._passwords.revoke(user, id)

    async def _owner(self, visitor: Visitor) -> tuple[User, bool]:
        """Who it is now, and whether only a provider knows this person."""
        user, over, foreign = await self._judge(visitor)
        if user is None:
            raise Forbidden("your password is another one now; log in again" if over else "you are not known here any more")
        return user, foreign
