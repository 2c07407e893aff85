"""What only the provider can tell: about a token by introspection (RFC 7662) and userinfo (OpenID Connect Core section 5.3), and
which tokens a code stands for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...errors import Overloaded
from ...settings import Oidc
from .errors import NoAnswer
from .fetch import Answer, Client
from .kept import Outage
from .metadata import Metadata

_Claims = dict[str, Any]


class Questions:
    """Asks about tokens, so many at a time, and not at all for a moment after a question that was not answered."""

    def __init__(
        self,
        name: str,
        settings: Oidc,
        client: Client,
        metadata: Callable[[], Awaitable[Metadata]],
        clock: Callable[[], float],
    ) -> None:
        """`metadata` gives the provider's configuration or raises `IssuerUnavailable`."""
        self._id = settings.client_id
        self._secret = settings.client_secret
        self._most = settings.requests
        self._client = client
        self._metadata = metadata
        self._running = 0
        self._introspection = Outage(f"introspection by {name}", settings.retry_seconds, clock)
        self._userinfo = Outage(f"userinfo of {name}", settings.retry_seconds, clock)
        self._browser = (settings.browser_client_id, settings.browser_client_secret)
        self._tokens = Outage(f"tokens for logins with a browser from {name}", settings.retry_seconds, clock)

    async def introspect(self, token: str) -> _Claims | None:
        """What the provider says about `token`; None if it is not active. Raises `IssuerUnavailable`, `Overloaded`."""

        async def ask() -> _Claims | None:
            url = _offered((await self._metadata()).introspection_endpoint, "introspection")
            form = {"token": token, "token_type_hint": "access_token"}
            answer = await self._client.post(url, form, self._id, self._secret)
            if answer.status in (400, 401, 403):
                raise NoAnswer(f"{url}: it refuses our client_id and client_secret with {answer.status}")
            found = _members(answer, url)
            active = found.get("active")
            if not isinstance(active, bool):
                raise NoAnswer(f"{url}: it does not say whether the token is active")
            return found if active else None

        return await self._ask(ask, self._introspection)

    async def userinfo(self, token: str) -> _Claims | None:
        """What the provider says about whom `token` was given to; None if it does not accept the token. Raises
        `IssuerUnavailable`, `Overloaded`."""

        async def ask() -> _Claims | None:
            url = _offered((await self._metadata()).userinfo_endpoint, "userinfo")
            answer = await self._client.get(url, token)
            return None if answer.status in (400, 401, 403) else _members(answer, url)

        return await self._ask(ask, self._userinfo)

    async def redeem(self, form: Mapping[str, str]) -> _Claims | None:
        """The tokens for an authorization code (RFC 6749 section 4.1.3) that came to a browser; None if the code is not good.
        Raises `IssuerUnavailable`, `Overloaded`."""

        async def ask() -> _Claims | None:
            known = await self._metadata()
            url = _offered(known.token_endpoint, "token")
            id, secret = self._browser
            # RFC 8414 section 2: without the member, client_secret_basic.
            ways = known.members.get("token_endpoint_auth_methods_supported") or ("client_secret_basic",)
            if secret and "client_secret_basic" in ways:
                answer = await self._client.post(url, form, id, secret)
            else:
                answer = await self._client.post(url, {**form, "client_id": id, **({"client_secret": secret} if secret else {})})
            if answer.status in (400, 401, 403):
                error = str(_error(answer))
                if error in ("invalid_grant", "invalid_request"):
                    # Some say the latter of what cannot be a code at all, and anybody may send us such.
                    return None
                raise NoAnswer(f"{url}: it refuses our request with {answer.status} {error[:100]!r}")
            return _members(answer, url)

        return await self._ask(ask, self._tokens)

    async def _ask(self, question: Callable[[], Awaitable[_Claims | None]], outage: Outage) -> _Claims | None:
        outage.check()
        if self._running >= self._most:
            raise Overloaded("too many logins are being verified")
        self._running += 1
        try:
            found = await question()
        except NoAnswer as error:
            raise outage.begin(str(error)) from error
        finally:
            self._running -= 1
        outage.end()
        return found


def _offered(endpoint: str, what: str) -> str:
    if not endpoint:
        raise NoAnswer(f"the configuration document has no {what}_endpoint")
    return endpoint


def _error(answer: Answer) -> object:
    """What went wrong (RFC 6749 section 5.2)."""
    try:
        return answer.members().get("error")
    except NoAnswer:
        return None


def _members(answer: Answer, url: str) -> _Claims:
    if answer.status != 200:
        raise NoAnswer(f"{url}: it answers with {answer.status}")
    try:
        return answer.members()
    except NoAnswer as error:
        raise NoAnswer(f"{url}: {error}") from error
