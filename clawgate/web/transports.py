"""What is done to Twisted's transports beyond their interfaces; the names used here are checked by a test."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IReactorFDSet, ITCPTransport, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from .proxies import LOCAL


def peer_address(transport: Any) -> str:
    """The address of the other end; ``unix`` for a local socket."""
    peer = transport.getPeer()
    return peer.host if isinstance(peer, (IPv4Address, IPv6Address)) else LOCAL


def tune(transport: Any, keepalive: int) -> None:
    """Send small packets at once. After `keepalive` seconds of silence (0: never) the kernel asks whether the client is still
    there, which also keeps its way through firewalls open while an answer takes long."""
    if not ITCPTransport.providedBy(transport) or peer_address(transport) == LOCAL:
        return
    transport.setTcpNoDelay(True)
    if keepalive:
        connection = lowest(transport).getHandle()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, keepalive)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, keepalive)


def lowest(transport: Any) -> Any:
    """The transport that owns the socket, below TLS and other wrappers."""
    while True:
        below = getattr(transport, "transport", None)
        if below is None:
            return transport
        transport = below


def set_read_size(transport: Any, size: int) -> None:
    """Read up to `size` bytes at once from now on."""
    bottom = lowest(transport)
    if getattr(bottom, "bufferSize", size) != size:
        bottom.bufferSize = size


def buffered(connection: Any) -> int:
    """Bytes that wait in a ``tcp.Connection`` for the socket to take them."""
    return len(connection.dataBuffer) - connection.offset + connection._tempDataLen  # type: ignore[no-any-return]


def unsent(transport: Any) -> int:
    """Bytes that the other end has not acknowledged: those in the transport and those in the kernel."""
    bottom = lowest(transport)
    count = buffered(bottom) if hasattr(bottom, "_tempDataLen") else 0
    with suppress(AttributeError, OSError, ValueError):
        count += struct.unpack("i", fcntl.ioctl(bottom.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    return count


def abort(transport: Any) -> None:
    """Drop the connection without sending what is left."""
    if transport is not None:
        transport.abortConnection()


@implementer(IWriteDescriptor)
class Writable:
    """Tells once when a descriptor takes bytes again. It must be a copy: the reactor knows the original already."""

    def __init__(self, reactor: IReactorFDSet, descriptor: int, ready: Callable[[], None]) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._ready: Callable[[], None] | None = ready
        reactor.addWriter(self)

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def doWrite(self) -> None:
        """It takes bytes."""
        self._tell()

    def connectionLost(self, reason: Failure) -> None:
        """It never will again; the next attempt to write finds out why."""
        self._tell()

    def logPrefix(self) -> str:
        """For the reactor."""
        return "sendfile"

    def stop(self) -> None:
        """Do not watch any longer."""
        if self._ready is not None:
            self._ready = None
            self._reactor.removeWriter(self)

    def _tell(self) -> None:
        ready = self._ready
        self.stop()
        if ready is not None:
            ready()


def dup(connection: Any) -> int:
    """A copy of the connection's descriptor."""
    return os.dup(connection.fileno())
