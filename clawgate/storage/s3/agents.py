"""The agents below treq: what S3 says arrives as it was said."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from ..connections import Pieces, Pool
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
        pieces = Pieces(Room(receive_bytes), PIECE, PIECE)
        self._pool = Pool(reactor, connections, pieces, repeats=True)
        self.kept = _AsStored(Agent(reactor, connectTimeout=idle, pool=self._pool, **trusting))  # type: ignore[no-untyped-call]
        once = Pool(reactor, 0, pieces)
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
