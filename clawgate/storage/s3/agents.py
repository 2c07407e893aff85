"""The agents below treq: what S3 says arrives as it was said."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import Agent, HTTPConnectionPool, _HTTP11ClientFactory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from ..receiving import Room

PIECE = 384 << 10
"""Bytes that one read or write of a socket takes at most: fewer and longer pieces cost less.

Of an answer with a slow reader two of them are here, and what is on its way to the client: less than the window of a transfer."""


class Raw:
    """Two agents: `kept` keeps its connections, `once` opens one for each request."""

    def __init__(self, reactor: Any, idle: float, connections: int, policy: Any = None, receive_bytes: int = 0) -> None:
        """`idle`, in seconds, is the patience while a connection is made; `connections` are kept at most; `policy` says which
        certificates are believed (`trust.policy`); `receive_bytes`: see `Room`."""
        trusting = {} if policy is None else {"contextFactory": policy}
        room = Room(receive_bytes)
        self._pool = _Pool(reactor, room)
        self._pool.maxPersistentPerHost = connections
        self.kept = _AsStored(Agent(reactor, connectTimeout=idle, pool=self._pool, **trusting))  # type: ignore[no-untyped-call]
        once = _Pool(reactor, room, persistent=False)
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
    room: Room

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.bufferSize = transport.SEND_LIMIT = PIECE
        self.room.bound(transport)
        HTTP11ClientProtocol.connectionMade(self)


class _Silent(_HTTP11ClientFactory):
    noisy = False

    def __init__(self, quiescent: Any, metadata: Any, room: Room) -> None:
        super().__init__(quiescent, metadata)  # type: ignore[no-untyped-call]
        self._room = room

    def buildProtocol(self, addr: Any) -> HTTP11ClientProtocol:
        made = _Greedy(self._quiescentCallback)  # type: ignore[no-untyped-call]
        made.room = self._room
        return made


class _Pool(HTTPConnectionPool):
    """Does not log every connection that it opens and closes, for which Twisted has no public switch."""

    def __init__(self, reactor: Any, room: Room, *, persistent: bool = True) -> None:
        super().__init__(reactor, persistent)  # type: ignore[no-untyped-call]

        def factory(quiescent: Any, metadata: Any) -> _Silent:
            return _Silent(quiescent, metadata, room)

        self._factory: Any = factory
