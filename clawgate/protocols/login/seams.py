"""What the pages ask of those who know people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...model.app_password import AppPassword
from ...model.login_flow import Visitor
from ...model.people import Actor, Scope


class Service(Protocol):
    """An OpenID provider to choose."""

    @property
    def name(self) -> str:
        """In addresses."""

    @property
    def title(self) -> str:
        """To show."""


class People(Protocol):
    """Lets people in."""

    async def passwords(self) -> bool:
        """People may log in by name and password."""

    @property
    def providers(self) -> Sequence[Service]:
        """Those to choose from."""

    async def by_password(self, name: str, secret: str, address: str) -> Visitor:
        """Raises `Unauthenticated`, `TooManyAttempts`, `StorageUnavailable`, `Overloaded`."""

    async def address(
        self, provider: str, redirect_uri: str, nonce: str, verifier: str, state: str, *, anew: bool = False
    ) -> str:
        """Where to send a browser that logs in with a provider; `anew`: whoever has logged in there before. Raises `NotFound`,
        `StorageUnavailable`."""

    async def by_provider(self, provider: str, code: str, redirect_uri: str, nonce: str, verifier: str) -> Visitor:
        """Who has logged in there. Raises `Unauthenticated`, `Forbidden`, `StorageUnavailable`, `Overloaded`."""

    def issuer_of(self, provider: str) -> str:
        """The issuer identifier of a provider. Raises `NotFound`."""


class Passwords(Protocol):
    """Keeps app passwords."""

    async def of(self, user: str) -> Sequence[AppPassword]:
        """Those of one person."""

    async def make(self, visitor: Visitor, name: str, scope: Scope, days: float | None) -> str:
        """A new one; returns its secret. Raises `Forbidden`, `InvalidRequest`."""

    async def revoke(self, user: str, id: str) -> None:
        """End one. Raises `NotFound`."""


class PageLogins(Protocol):
    """Logins that last."""

    async def begin(self, visitor: Visitor) -> str:
        """The secret that the browser is to keep."""

    async def actor(self, secret: str) -> Actor | None:
        """Whose login it is; None: it has ended."""

    async def end(self, secret: str) -> None:
        """Log out."""

    async def end_all(self, user: str) -> int:
        """Log a person out with all browsers; returns how many logins that were."""
