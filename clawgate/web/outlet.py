"""The way to a client: what the socket takes goes at once, the rest by way of the transport's buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.tcp import Connection

from ..errors import Disconnected
from . import transports
from .room import Room

LARGE = 1048576
"""Bytes; of answers from this size on the socket is offered as many at once."""


class Outlet:
    """The writing side of an HTTP/1 connection's transport, which tells the connection when its buffer is full or empty: that is
    passed on with `filled` and `emptied`."""

    __slots__ = ("_lost", "_plain", "_reactor", "_seconds", "_transport", "blocked", "room")

    def __init__(self, transport: Any, secure: bool, reactor: IReactorFDSet, seconds: Callable[[], float]) -> None:
        """`secure`: what is written is encrypted on its way; `reactor` watches descriptors, `seconds` is the clock."""
        self._transport = transport
        self._plain: Any = transport if isinstance(transport, Connection) and not secure else None
        self._reactor = reactor
        self._seconds = seconds
        self._lost = False
        self.blocked = False
        """The transport's buffer is full."""
        self.room = Room()

    @property
    def direct(self) -> bool:
        """It is a bare socket, to which bytes may go past the transport."""
        return self._plain is not None

    def write(self, data: bytes) -> None:
        """Send now what the socket takes, which saves the reactor two calls and a turn; the rest goes the usual way."""
        plain = self._plain
        if plain is not None and plain.connected and not plain.disconnecting and not transports.buffered(plain):
            sent = plain.writeSomeData(data)
            if type(sent) is int:
                if sent == len(data):
                    return
                data = data[sent:]
        self._transport.write(data)

    def write_large(self, data: bytes) -> None:
        """Send what no socket takes at once."""
        self.widen()
        self._transport.write(data)

    def offer(self, data: bytes) -> int:
        """See `Carrier.offer`."""
        plain = self._plain
        if plain is None or not plain.connected or plain.disconnecting or transports.buffered(plain):
            return 0
        sent = plain.writeSomeData(data)
        # What is wrong with the socket, its next use tells.
        return sent if type(sent) is int else 0

    def widen(self) -> None:
        """Much will be sent."""
        if self._plain is not None:
            self._plain.SEND_LIMIT = LARGE

    def unsent(self) -> int:
        """Bytes that the other end has not taken yet, as far as can be known."""
        return transports.unsent(self._transport)

    # Waiting for room

    def filled(self) -> None:
        """The transport's buffer is full."""
        if not self.blocked:
            self.blocked = True
            self.room.since = self._seconds()

    def emptied(self) -> None:
        """The transport's buffer is empty."""
        self.blocked = False
        self.room.made()

    async def wait(self) -> None:
        """Until there is room. Raises `Disconnected`."""
        if self._lost:
            raise Disconnected("the client is gone")
        await self.room.wait(self._seconds())

    async def descriptor(self) -> int:
        """See `Carrier.descriptor`; only if `direct`."""
        plain = self._plain
        assert plain is not None
        if transports.buffered(plain):
            # The transport tells its producer only after it has paused it.
            plain.producerPaused = True
            self.filled()
            await self.wait()
        if self._plain is None:
            raise Disconnected("the client is gone")
        return transports.dup(plain)

    async def writable(self, descriptor: int) -> None:
        """See `Carrier.writable`."""
        watch = transports.Writable(self._reactor, descriptor, self.room.made)
        try:
            await self.wait()
        finally:
            watch.stop()

    # The end

    def close(self) -> None:
        """Close once everything is sent."""
        # A transport with a producer does not close.
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def half_close(self) -> None:
        """Say that nothing more comes once everything is sent, and go on reading; only if `direct`."""
        self._plain.unregisterProducer()
        self._plain.loseWriteConnection()

    def abort(self) -> None:
        """Drop the connection without sending what is left."""
        transports.abort(self._transport)

    def lost(self) -> None:
        """The connection is gone. Who waits already is told by `room.lost`."""
        self._lost = True
        self._plain = None
