"""Connections to services that hold content, kept for the next request. Twisted has no public switches for what is set here: this
is the only place that knows its private classes."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import HTTPConnectionPool, _HTTP11ClientFactory

from .receiving import Room, lowest


@attrs.frozen
class Pieces:
    """How long what goes over a connection at a time may be, in bytes: fewer and longer pieces cost less."""

    room: Room
    """For what has come and is not read yet."""
    read: int
    """One read of a socket takes no more."""
    write: int = 0
    """One write does not, either; 0: as Twisted thinks right."""

    def fit(self, transport: Any) -> None:
        """Set this for the connection of a transport, which has just been made."""
        below = lowest(transport)
        below.bufferSize = self.read
        if self.write:
            below.SEND_LIMIT = self.write
        self.room.bound(below)


class Pool(HTTPConnectionPool):
    """Does not log every connection that it opens and closes; counts those that it makes."""

    made = 0

    def __init__(self, reactor: Any, kept: int, pieces: Pieces | None = None, *, repeats: bool = False) -> None:
        """`kept` connections at most wait for each host's next request; none: every request has one of its own. `pieces`: None:
        as Twisted has them. `repeats`: whether Twisted may send again what found a kept connection closed, DELETE as well."""
        super().__init__(reactor, persistent=kept > 0)  # type: ignore[no-untyped-call]
        self.maxPersistentPerHost = kept
        self.retryAutomatically = repeats

        def factory(quiescent: Any, metadata: Any) -> _Factory:
            return _Factory(quiescent, metadata, pieces)

        self._factory: Any = factory

    def _newConnection(self, key: Any, endpoint: Any) -> Any:
        self.made += 1
        return super()._newConnection(key, endpoint)


class _Factory(_HTTP11ClientFactory):
    noisy = False

    def __init__(self, quiescent: Any, metadata: Any, pieces: Pieces | None) -> None:
        super().__init__(quiescent, metadata)  # type: ignore[no-untyped-call]
        self._pieces = pieces

    def buildProtocol(self, addr: Any) -> HTTP11ClientProtocol:
        made = _Connection(self._quiescentCallback)  # type: ignore[no-untyped-call]
        made.pieces = self._pieces
        return made


class _Connection(HTTP11ClientProtocol):
    pieces: Pieces | None = None

    def connectionMade(self) -> None:
        if self.pieces is not None:
            self.pieces.fit(self.transport)
        HTTP11ClientProtocol.connectionMade(self)
