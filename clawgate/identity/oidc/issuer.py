"""One provider: its documents, and what they say about tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import SettingsError
from ...model.people import Actor
from ...settings import Oidc
from . import keys, metadata
from .errors import InvalidToken, IssuerUnavailable, NoAnswer
from .fetch import Client
from .jws import Unverified, verified
from .kept import Kept
from .keys import Key
from .metadata import Metadata
from .person import Mapper, person
from .questions import Questions
from .relying_party import RelyingParty
from .rules import Rules, judge

_Claims = dict[str, Any]


class Issuer:
    """Knows whether tokens of one provider are good, and whose they are."""

    def __init__(self, name: str, settings: Oidc, mapper: Mapper, reactor: Any, now: Callable[[], float]) -> None:
        """`now` tells the seconds since 1970. Nothing is asked yet. Raises `SettingsError`."""
        self.name = name
        self.settings = settings
        try:
            self._client = Client(reactor, settings)
        except SettingsError as error:
            raise SettingsError(f"oidc.{name}.ca_file: {error}") from error
        self._now = now
        self._rules = Rules.of(settings)
        self._mapper = mapper
        clock, fresh, pause = reactor.seconds, settings.refresh_seconds, settings.retry_seconds
        self._metadata = Kept(f"the configuration of {name}", self._fetch_metadata, clock, fresh, pause)
        self._keys = Kept(f"the keys of {name}", self._fetch_keys, clock, fresh, pause)
        self._questions = Questions(name, settings, self._client, self._metadata.get, clock)
        self.browser = RelyingParty(settings, self._metadata.get, self._questions, self._verify, mapper, now)
        """Logs people in who come with a browser."""

    async def of_jwt(self, token: str, seen: Unverified) -> Actor:
        """Whose `token` is. Raises `InvalidToken`, `InsufficientScope`, `IssuerUnavailable`, `Overloaded`."""
        claims = await self._verify(seen)
        expires = judge(claims, self._rules, self._now())
        return Actor(person(await self._completed(claims, token), self._mapper), expires, vouched=True)

    async def of_opaque(self, token: str) -> Actor | None:
        """Whose `token` is; None if it is not one that is good here, or if this provider is not to be asked about such tokens.
        Raises as `of_jwt`."""
        expires = None
        believed = self._now() + self.settings.cache_seconds
        if self.settings.opaque == "introspection":
            claims = await self._questions.introspect(token)
            if claims is not None:
                expires = judge(claims, self._rules, self._now(), asked=True)
                claims = await self._completed(claims, token)
        elif self.settings.opaque == "userinfo":
            claims = await self._questions.userinfo(token)
        else:
            return None
        if claims is None:
            return None
        return Actor(person(claims, self._mapper), believed if expires is None else min(believed, expires), vouched=True)

    async def document(self) -> bytes:
        """The configuration document for clients. Raises `IssuerUnavailable`."""
        return metadata.shown(await self._metadata.get(), self.settings.hidden)

    async def refresh(self) -> None:
        """Fetch what is old; failures are in the log."""
        await self._metadata.refresh()
        await self._keys.refresh()

    async def close(self) -> None:
        """Close what is kept open."""
        await self._client.close()

    async def _verify(self, seen: Unverified) -> _Claims:
        if seen.algorithm not in self.settings.algorithms:
            raise InvalidToken("the token is not signed as it must be", f"its algorithm is {seen.algorithm[:40]!r}")
        known = await self._keys.get()
        fitting = keys.fitting(known, seen.key_id, seen.algorithm)
        claims = verified(seen, fitting)
        if claims is None and not (fitting and seen.key_id is not None):
            # Perhaps a new key.
            newer = await self._keys.renew()
            if newer is not known:
                claims = verified(seen, keys.fitting(newer, seen.key_id, seen.algorithm))
        if claims is None:
            raise InvalidToken("the token is not signed by the login service")
        return claims

    async def _completed(self, claims: _Claims, token: str) -> _Claims:
        """With what userinfo adds."""
        if not self.settings.userinfo:
            return claims
        more = await self._questions.userinfo(token)
        if more is None:
            raise InvalidToken("the login service does not accept the token", "userinfo refuses it")
        if more.get("sub") != claims.get("sub"):
            # OpenID Connect Core section 5.3.2
            raise InvalidToken("the token cannot be used", "userinfo speaks of somebody else")
        return {**more, **claims}

    async def _fetch_metadata(self) -> Metadata:
        settings = self.settings
        places = (settings.metadata_url,) if settings.metadata_url else metadata.places(settings.issuer)
        for place in places:
            answer = await self._client.get(place)
            if answer.status == 200:
                return metadata.parse(answer.members(), settings.issuer)
            if answer.status != 404:
                break
        raise NoAnswer(f"{place} answers with {answer.status}")

    async def _fetch_keys(self) -> tuple[Key, ...]:
        try:
            url = (await self._metadata.get()).jwks_uri
        except IssuerUnavailable:
            raise NoAnswer("its configuration is missing") from None
        if not url:
            raise NoAnswer("its configuration document has no jwks_uri")
        answer = await self._client.get(url)
        if answer.status != 200:
            raise NoAnswer(f"{url} answers with {answer.status}")
        return keys.parse(answer.members(), self.settings.algorithms)
