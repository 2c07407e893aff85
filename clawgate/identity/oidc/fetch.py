"""One provider, asked over HTTP within limits of time and size."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import attrs
import treq
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
    _HTTP11ClientFactory,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers

from ... import certificates
from ...settings import Oidc
from .errors import NoAnswer

IDLE_SECONDS = 15
"""How long a connection is kept for the next question."""
_FAILURES = (
    *(ConnectError, ConnectionDone, ConnectionLost, DNSLookupError, OSError, TimeoutError),
    *(RequestTransmissionFailed, ResponseFailed, ResponseNeverReceived, SSL.Error),
)


@attrs.frozen
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes = attrs.field(repr=False)

    def members(self) -> dict[str, Any]:
        """The JSON object in the body. Raises `NoAnswer`."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            raise NoAnswer("its answer is not JSON") from None
        if not isinstance(found, dict):
            raise NoAnswer("its answer is no JSON object")
        return found


class Client:
    """Questions to one provider.

    Redirects are not followed: tokens and secrets go where the settings and the provider's configuration say. No cookies are
    kept, so that no answer depends on an earlier one.
    """

    def __init__(self, reactor: Any, settings: Oidc) -> None:
        """Raises `SettingsError` if the file of authorities cannot be used."""
        self._reactor = reactor
        self._timeout = settings.timeout
        self._limit = settings.answer_bytes
        self._pool = _Pool(reactor)  # type: ignore[no-untyped-call]
        self._pool.cachedConnectionTimeout = IDLE_SECONDS
        policy = certificates.policy(settings.ca_file)
        self._agent = Agent(reactor, policy, settings.timeout, pool=self._pool)  # type: ignore[no-untyped-call]

    async def get(self, url: str, token: str = "") -> Answer:
        """GET, with a bearer token if one is given. Raises `NoAnswer`."""
        return await self._ask("GET", url, {"Authorization": f"Bearer {token}"} if token else {}, None)

    async def post(self, url: str, form: Mapping[str, str], id: str = "", secret: str = "") -> Answer:
        """POST a form, with our own client id and secret if they are given (RFC 6749 section 2.3.1). Raises `NoAnswer`."""
        pair = f"{quote_plus(id)}:{quote_plus(secret)}".encode()
        login = {"Authorization": "Basic " + base64.b64encode(pair).decode()} if id else {}
        return await self._ask("POST", url, login, form)

    async def close(self) -> None:
        """Close what is kept open."""
        await self._pool.closeCachedConnections()  # type: ignore[no-untyped-call]

    async def _ask(self, verb: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        try:
            exchange = Deferred.fromCoroutine(self._persistently(verb, url, headers, form))
            exchange.addTimeout(self._timeout, self._reactor)
            return await exchange
        except _FAILURES as error:
            raise NoAnswer(f"{url}: {_reason(error)}") from error
        except NoAnswer as error:
            raise NoAnswer(f"{url}: {error}") from error

    async def _persistently(self, verb: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        try:
            return await self._exchange(verb, url, headers, form)
        except (RequestTransmissionFailed, ResponseNeverReceived) as error:
            if any(reason.check(CancelledError) for reason in error.reasons):
                raise
            # The server may have closed a kept connection at this very moment; asking twice changes nothing there.
            return await self._exchange(verb, url, headers, form)

    async def _exchange(self, verb: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Answer:
        client = treq.client.HTTPClient(self._agent)
        fields = Headers({"Accept": ["application/json"], **{name: [value] for name, value in headers.items()}})
        data = dict(form) if form is not None else None
        response = await client.request(
            verb, url, headers=fields, data=data, allow_redirects=False, unbuffered=True, reactor=self._reactor
        )
        body = _Body(self._limit)
        response.deliverBody(body)
        content = await body.whole
        if 300 <= response.code < 400:
            raise NoAnswer("it redirects to another address, which is not followed")
        return Answer(response.code, content)


class _Silent(_HTTP11ClientFactory):
    noisy = False


class _Pool(HTTPConnectionPool):
    """Does not log every connection that it opens and closes, for which Twisted has no public switch."""

    _factory = _Silent


class _Body(Protocol):
    """Collects the body of an answer up to `limit` bytes; whoever stops waiting for it, or a larger one, ends the connection."""

    def __init__(self, limit: int) -> None:
        self.whole: Deferred[bytes] = Deferred(lambda _: self._abort())
        self._limit = limit
        self._content = bytearray()

    def dataReceived(self, data: bytes) -> None:
        """Some of it."""
        if self.whole.called:
            return
        self._content += data
        if len(self._content) > self._limit:
            self.whole.errback(NoAnswer(f"its answer is larger than {self._limit} bytes"))
            self._abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end; without a length nobody can tell whether it is the right one, so JSON will have to."""
        if self.whole.called:
            return
        if isinstance(reason.value, ResponseDone | PotentialDataLoss):
            self.whole.callback(bytes(self._content))
        else:
            self.whole.errback(reason)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


def _reason(error: BaseException) -> str:
    """What happened, in one line."""
    if isinstance(error, (TimeoutError, CancelledError)):
        return "no answer in time"
    for failure in getattr(error, "reasons", None) or ():
        return _reason(failure.value)
    return f"{type(error).__name__}: {error}"
