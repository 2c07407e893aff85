"""From the Authorization header of a request to the person who acts."""

from __future__ import annotations

from typing import Protocol

from ..errors import Unauthenticated
from ..interfaces import Authenticator
from ..model.people import Actor
from . import credentials


class _Request(Protocol):
    actor: Actor | None

    def header(self, name: str) -> str | None:
        """The first value of a header."""


class Login:
    """Who sent a request, and what a 401 asks for."""

    def __init__(self, authenticator: Authenticator, realm: str, *, bearer: bool = False, basic: bool = True) -> None:
        """`bearer` and `basic`: the schemes that `authenticator` can judge."""
        self._authenticator = authenticator
        self._realm = realm
        self._bearer = bearer
        self._basic = basic

    async def authenticate(self, request: _Request) -> Actor:
        """The actor, also left in ``request.actor``. Raises `Unauthenticated`, and what the authenticator raises."""
        found = credentials.parse(request.header("authorization"))
        if found is None:
            raise Unauthenticated("log in first")
        actor = await self._authenticator.authenticate(found)
        if actor is None:
            raise Unauthenticated("wrong user name or password")
        request.actor = actor
        return actor

    def challenges(self, request: _Request) -> list[tuple[bytes, bytes]]:
        """The WWW-Authenticate headers of a 401 to `request`. Do not change the list."""
        xhr = (request.header("x-requested-with") or "").lower() == "xmlhttprequest"
        return credentials.challenges(self._realm, self._bearer, self._basic, xhr)
