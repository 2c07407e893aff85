"""The agents below treq: what S3 says arrives as it was said."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import Agent, HTTPConnectionPool, _HTTP11ClientFactory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

PIECE = 384 << 10
"""Bytes that one read or write of a socket takes at most: fewer and longer pieces cost less.

Of an answer with a slow reader two of them are here, and what is on its way to the client: less than the window of a transfer."""


class Raw:
    """Two agents: `kept` keeps its connections, `once` opens one for each request."""

    def __init__(self, reactor: Any, idle: float, connections: int, policy: Any = None) -> None:
        """`idle`, in seconds, is the patience while a connection is made; `connections` are kept at most; `policy` says which
        certificates are believed (`trust.policy`)."""
        trusting = {} if policy is None else {"contextFactory": policy}
        self._pool = _Pool(reactor)  # type: ignore[no-untyped-call]
        self._pool.maxPersistentPerHost = connections
        self.kept = _AsStored(Agent(reactor, connectTimeout=idle, pool=self._pool, **trusting))  # type: ignore[no-untyped-call]
        once = _Pool(reactor, persistent=False)  # type: ignore[no-untyped-call]
        self.once = _AsStored(Agent(reactor, connectTimeout=idle, pool=once, **trusting))  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Close what is kept open."""
        await self._pool.closeCachedConnections()  # type: ignore[no-untyped-call]


@implementer(IAgent)
class _AsStored:
    """treq asks for gzip and unpacks what comes so encoded. Here ``Content-Encoding`` is a property of the object, whose bytes
    are wanted as they lie."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> Deferred[IResponse]:
        """See `IAgent`."""
        if headers is not None:
            headers.removeHeader("Accept-Encoding")
        asking: Deferred[Any] = self._agent.request(method, uri, headers, bodyProducer)
        asking.addCallback(_plain)
        return asking


def _plain(response: Any) -> Any:
    response.headers.removeHeader("Content-Encoding")
    return response


class _Greedy(HTTP11ClientProtocol):
    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.bufferSize = transport.SEND_LIMIT = PIECE
        HTTP11ClientProtocol.connectionMade(self)


class _Silent(_HTTP11ClientFactory):
    noisy = False

    def buildProtocol(self, addr: Any) -> HTTP11ClientProtocol:
        return _Greedy(self._quiescentCallback)  # type: ignore[no-untyped-call]


class _Pool(HTTPConnectionPool):
    """Does not log every connection that it opens and closes, for which Twisted has no public switch."""

    _factory = _Silent
