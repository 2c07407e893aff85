"""App passwords of people who have logged in with a browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..errors import Forbidden
from ..model.app_password import AppPassword
from ..model.login_flow import Visitor
from ..model.people import Scope, User
from .app_passwords import AppPasswords


class VisitorPasswords:
    """Made for who somebody is now, which may be minutes after the login."""

    def __init__(self, passwords: AppPasswords, most: int, now: Callable[[], float] = time.time) -> None:
        """`most`: app passwords of one person."""
        self._passwords = passwords
        self._most = most
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

    async def issue(self, visitor: Visitor, name: str) -> str:
        """The secret of a new one without limits. Raises as `make`."""
        return await self.make(visitor, name, Scope(), None)

    async def make(self, visitor: Visitor, name: str, scope: Scope, days: float | None) -> str:
        """The secret of a new one. Raises `Forbidden` if the person has left, or has too many, `StorageUnavailable`,
        `InvalidRequest` for impossible `days`."""
        user, foreign = await self._owner(visitor)
        _, secret = await self._passwords.make(user, name, foreign=foreign, scope=scope, days=days)
        return secret

    async def revoke(self, user: str, id: str) -> None:
        """End one at once. Raises `NotFound`."""
        await self._passwords.revoke(user, id)

    async def _owner(self, visitor: Visitor) -> tuple[User, bool]:
        """Who it is now, and whether only a provider knows this person."""
        known = await self._passwords.known(visitor.user.id)
        if known is None and not visitor.foreign:
            raise Forbidden("you are not known here any more")
        return (visitor.user, True) if known is None else (known, False)
