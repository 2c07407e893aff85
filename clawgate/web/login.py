"""From the Authorization header of a request to the person who acts."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from ..errors import Unauthenticated
from ..interfaces import Authenticator, Door
from ..model.people import Actor, Bearer, Credentials
from ..model.signing import SignedUrl
from . import credentials, page_session
from . import signed as signatures
from .credentials import Parameters


class _Request(Protocol):
    actor: Actor | None
    verb: str
    raw_path: bytes
    query: bytes

    @property
    def client_ip(self) -> str:
        """The client's address."""

    @property
    def base_url(self) -> str:
        """Scheme and host as the client calls us."""

    def header(self, name: str) -> str | None:
        """The first value of a header."""

    def headers_all(self, name: str) -> list[str]:
        """All values of a header."""


class Login:
    """Who sent a request, and what a 401 asks for."""

    def __init__(
        self,
        people: Authenticator | Door,
        realm: str,
        *,
        bearer: bool = False,
        basic: bool = True,
        metadata: str = "",
        signed: Callable[[SignedUrl], Awaitable[Actor]] | None = None,
        signed_seconds: float = 0.0,
        page: Callable[[str], Awaitable[Actor | None]] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`people` judge credentials. `bearer` and `basic`: the schemes that clients are asked for. `metadata`: the path of the
        document that says who issues bearer tokens (RFC 9728); empty: there is none. `signed` judges addresses that are signed
        for `signed_seconds` at most (None: such are not accepted), `page` the secrets of browsers that show our own page (None:
        there is no such page); `now` gives seconds since 1970."""
        self._people = people
        self._realm = realm
        self._bearer = bearer
        self._basic = basic
        self._metadata = metadata
        self._signed = signed
        self._signed_seconds = signed_seconds
        self._page = page
        self._now = now
        self._refused: WeakKeyDictionary[_Request, Parameters] = WeakKeyDictionary()
        """What the challenges to requests that are being refused must say."""

    async def authenticate(self, request: _Request) -> Actor:
        """The actor, also left in ``request.actor``. Raises `Unauthenticated`, and what `people` raise."""
        written = request.header("authorization")
        if written is None and self._signed is not None and signatures.is_signed(request.query):
            base, longest = request.base_url, self._signed_seconds
            request.actor = await self._signed(
                signatures.read(request.verb, base, request.raw_path, request.query, self._now(), longest)
            )
            return request.actor
        if written is None and self._page is not None and (secret := page_session.secret_of(request)):
            request.actor = await self._page(secret)
            if request.actor is None:
                raise Unauthenticated("your login has ended; log in again")
            return request.actor
        found = credentials.parse(written)
        if found is None:
            raise Unauthenticated("log in first")
        try:
            actor = await self.enter(found, request.client_ip if isinstance(self._people, Door) else "")
        except Unauthenticated as error:
            self._refused[request] = credentials.parameters(error)
            raise
        if actor is None:
            if isinstance(found, Bearer):
                self._refused[request] = credentials.INVALID
                raise Unauthenticated("the token is not accepted")
            raise Unauthenticated("wrong user name or password")
        request.actor = actor
        return actor

    async def enter(self, found: Credentials, address: str) -> Actor | None:
        """Whose credentials these are, brought from `address` in some other way than by a header; None: nobody's. Raises what
        `people` raise."""
        if isinstance(self._people, Door):
            return await self._people.enter(found, address)
        return await self._people.authenticate(found)

    def challenges(self, request: _Request) -> list[tuple[bytes, bytes]]:
        """The WWW-Authenticate headers of a 401 to `request`. Do not change the list."""
        xhr = (request.header("x-requested-with") or "").lower() == "xmlhttprequest"
        more = self._refused.get(request, ())
        if self._metadata:
            more = (*more, ("resource_metadata", request.base_url + self._metadata))
        return credentials.challenges(self._realm, self._bearer, self._basic, xhr, more)
