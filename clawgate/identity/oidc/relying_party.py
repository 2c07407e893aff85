"""Logins with a browser: authorization code flow with PKCE (OpenID Connect Core section 3.1, RFC 7636)."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from ...log import make_logger
from ...model.people import User
from ...settings import Oidc
from . import id_token
from .attempt import Attempt
from .errors import InsufficientScope, InvalidToken
from .id_token import Expected, unusable
from .jws import Unverified, read
from .kept import unavailable
from .metadata import Metadata
from .person import Mapper, find, person
from .questions import Questions
from .rules import Rules, words

_Claims = dict[str, Any]


class RelyingParty:
    """One provider, as it is for people with a browser."""

    def __init__(
        self,
        settings: Oidc,
        metadata: Callable[[], Awaitable[Metadata]],
        questions: Questions,
        verify: Callable[[Unverified], Awaitable[_Claims]],
        mapper: Mapper,
        now: Callable[[], float],
    ) -> None:
        """`verify` gives the claims of a token whose signature is the provider's, or raises `InvalidToken`."""
        self._settings = settings
        self._metadata = metadata
        self._questions = questions
        self._verify = verify
        self._mapper = mapper
        self._now = now
        self._rules = Rules.of(settings)
        self._log = make_logger()

    @property
    def offered(self) -> bool:
        """People can log in here with a browser."""
        return bool(self._settings.browser_client_id)

    async def address(self, attempt: Attempt, state: str, *, anew: bool = False) -> str:
        """Where to send the browser; with `anew` it is not enough that somebody has logged in there before. Raises
        `IssuerUnavailable`."""
        endpoint = (await self._metadata()).authorization_endpoint
        if not endpoint:
            raise unavailable()
        challenge = urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).decode().rstrip("=")
        scopes = dict.fromkeys(("openid", *self._settings.browser_scopes, *self._settings.scopes))
        question = {
            "response_type": "code",
            "client_id": self._settings.browser_client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(scopes),
            "state": state,
            "nonce": attempt.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if anew:
            question["prompt"] = "login"
        if self._settings.acr:
            question["acr_values"] = " ".join(self._settings.acr)
        return endpoint + ("&" if "?" in endpoint else "?") + urlencode(question)

    async def redeem(self, code: str, attempt: Attempt) -> User:
        """Who has logged in, as the tokens say that `code` stands for.

        The person is made of the same claims as for a bearer token, so that both are the same person with the same groups. Raises
        `InvalidToken`, `InsufficientScope`, `IssuerUnavailable`, `Overloaded`; why a login failed is in the log.
        """
        try:
            return await self._redeem(code, attempt)
        except (InvalidToken, InsufficientScope) as error:
            if error.detail:
                self._log.warn("{refusal}: {detail}", refusal=str(error), detail=error.detail)
            raise

    async def _redeem(self, code: str, attempt: Attempt) -> User:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        tokens = await self._questions.redeem(form)
        if tokens is None:
            raise InvalidToken("this login was used already or took too long; try again", "the provider refuses the code")
        access, shown = tokens.get("access_token"), tokens.get("id_token")
        if not isinstance(access, str) or not isinstance(shown, str):
            raise unusable("there is no ID token or no access token")
        seen = read(shown)
        if seen is None:
            raise unusable("its ID token is no JWT")
        identity = await self._verify(seen)
        id_token.judge(identity, self._rules, Expected(self._settings.browser_client_id, attempt.nonce), self._now())
        id_token.belongs(identity, seen.algorithm, access)
        claims = await self._of_access_token(access, identity)
        granted = tokens.get("scope")
        allowed = words(claims, "scope") | words(claims, "scp")
        if not allowed:
            # RFC 6749 section 5.1: left out where it is what was asked for.
            allowed = words({"scope": granted}, "scope") if granted is not None else self._rules.scopes
        if not self._rules.scopes <= allowed:
            raise InsufficientScope(self._rules.scopes)
        return person({**identity, **await self._of_userinfo(access, {**identity, **claims}), **claims}, self._mapper)

    async def _of_access_token(self, token: str, identity: _Claims) -> _Claims:
        """What a bearer login with the same token would know of the person; nothing if the token is not one for us to read."""
        try:
            seen = read(token)
            if seen is None:
                claims = await self._questions.introspect(token) if self._settings.opaque == "introspection" else None
            else:
                claims = await self._verify(seen) if seen.issuer == self._settings.issuer else None
        except InvalidToken:
            return {}
        if claims is None:
            return {}
        if claims.get("sub", identity["sub"]) != identity["sub"]:
            raise unusable("its tokens speak of two people")
        return claims

    async def _of_userinfo(self, token: str, known: _Claims) -> _Claims:
        """What userinfo adds, where it is to be asked or where nothing else says who it is."""
        settings = self._settings
        asked = settings.userinfo or settings.opaque == "userinfo"
        if not asked and (find(known, self._mapper.user) is not None or not (await self._metadata()).userinfo_endpoint):
            return {}
        more = await self._questions.userinfo(token)
        if more is None:
            raise unusable("userinfo refuses the access token")
        if more.get("sub") != known["sub"]:
            # OpenID Connect Core section 5.3.2
            raise unusable("userinfo speaks of somebody else")
        return more
