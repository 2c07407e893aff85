"""Connections that are kept for the next request, and what those for content are like."""

from __future__ import annotations

from typing import Any

from twisted.web._newclient import HTTP11ClientProtocol
from twisted.web.client import HTTPConnectionPool, _HTTP11ClientFactory

from ..receiving import Room, lowest

READ = 512 << 10
"""Bytes of content that one read of a socket takes at most: fewer and longer pieces cost less."""


class _Silent(_HTTP11ClientFactory):
    noisy = False


class Pool(HTTPConnectionPool):
    """Does not log every connection that it opens and closes, for which Twisted has no public switch; counts those that it
    makes."""

    _factory = _Silent
    made = 0

    def __init__(self, reactor: Any, kept: int) -> None:
        """`kept` connections at most wait for each host's next request; none: every request has one of its own."""
        super().__init__(reactor, persistent=kept > 0)  # type: ignore[no-untyped-call]
        self.maxPersistentPerHost = kept
        # We know better than Twisted what may be sent again: it repeats DELETE.
        self.retryAutomatically = False

    def _newConnection(self, key: Any, endpoint: Any) -> Any:
        self.made += 1
        return super()._newConnection(key, endpoint)


class ContentPool(Pool):
    """For content that comes: long pieces, and from near by not much more than one that waits."""

    def __init__(self, reactor: Any, kept: int, receive_bytes: int) -> None:
        """`receive_bytes`: see `Room`."""
        super().__init__(reactor, kept)
        room = Room(receive_bytes)

        def factory(quiescent: Any, metadata: Any) -> _Greedily:
            return _Greedily(quiescent, metadata, room)

        self._factory: Any = factory


class _Greedily(_Silent):
    def __init__(self, quiescent: Any, metadata: Any, room: Room) -> None:
        super().__init__(quiescent, metadata)  # type: ignore[no-untyped-call]
        self._room = room

    def buildProtocol(self, addr: Any) -> HTTP11ClientProtocol:
        made = _Greedy(self._quiescentCallback)  # type: ignore[no-untyped-call]
        made.room = self._room
        return made


class _Greedy(HTTP11ClientProtocol):
    room: Room

    def connectionMade(self) -> None:
        lowest(self.transport).bufferSize = READ
        self.room.bound(self.transport)
        HTTP11ClientProtocol.connectionMade(self)
