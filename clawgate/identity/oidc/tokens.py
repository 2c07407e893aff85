"""Bearer tokens of all configured providers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred

from ...interfaces import Authenticator
from ...log import make_logger
from ...model.people import Actor, Bearer, Credentials
from .errors import InsufficientScope, InvalidToken, IssuerUnavailable
from .jws import read

if TYPE_CHECKING:
    from .issuer import Issuer


class Tokens(Authenticator):
    """A JWT is judged by the provider that it names, other tokens by those that are asked about such, in their order."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._issuers = tuple(issuers)
        self._by_identifier = {issuer.settings.issuer: issuer for issuer in issuers}
        self._starting: Deferred[None] | None = None
        self._log = make_logger()

    @property
    def first(self) -> Issuer | None:
        """The provider that clients are sent to; None if there is none."""
        return next((issuer for issuer in self._issuers if issuer.settings.default), self._issuers[0] if self._issuers else None)

    @property
    def browsers(self) -> dict[str, Issuer]:
        """The providers with which people can log in with a browser, by the names in the settings."""
        return {issuer.name: issuer for issuer in self._issuers if issuer.browser.offered}

    def start(self) -> None:
        """Begin to fetch what the providers say of themselves; nobody waits for it."""
        self._starting = Deferred.fromCoroutine(self._begin())

    async def refresh(self) -> None:
        """Fetch what is old; to be called every few seconds. Failures are in the log."""
        for issuer in self._issuers:
            await issuer.refresh()

    async def stop(self) -> None:
        """Close all connections."""
        if self._starting is not None:
            self._starting.cancel()
        for issuer in self._issuers:
            await issuer.close()

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """The actor; None for passwords, and for opaque tokens if nobody can be asked about such.

        Raises `InvalidToken`, `InsufficientScope`, `IssuerUnavailable`, `Overloaded`.
        """
        if not isinstance(credentials, Bearer) or not self._issuers:
            return None
        try:
            seen = read(credentials.token)
            if seen is None:
                return await self._opaque(credentials.token)
            issuer = self._by_identifier.get(seen.issuer)
            if issuer is None:
                raise InvalidToken("the token comes from another login service", f"its issuer is {seen.issuer[:200]!r}")
            return await issuer.of_jwt(credentials.token, seen)
        except (InvalidToken, InsufficientScope) as error:
            if error.detail:
                self._log.warn("{refusal}: {detail}", refusal=str(error), detail=error.detail)
            raise

    async def _begin(self) -> None:
        with suppress(CancelledError):
            await self.refresh()

    async def _opaque(self, token: str) -> Actor | None:
        asked = [issuer for issuer in self._issuers if issuer.settings.opaque != "refuse"]
        missing: IssuerUnavailable | None = None
        for issuer in asked:
            try:
                actor = await issuer.of_opaque(token)
            except IssuerUnavailable as error:
                missing = error
            else:
                if actor is not None:
                    return actor
        if missing is not None:
            raise missing
        if asked:
            raise InvalidToken("the token is not known or not valid any more")
        return None
