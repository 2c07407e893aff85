"""HTTP/1.1 as XrdHttp and libmicrohttpd speak it: what a body does to the next request is theirs, not twisted.web's.

XrdHttp does not read a body that its handler does not ask for: the bytes stay, and are the next request as soon as more bytes
arrive (section 3.1 item 1, 9.7). libmicrohttpd drops them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from typing import Protocol as Interface
from wsgiref.handlers import format_date_time

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .request import Ended, Headers, Lost, Request, parsed

LARGEST_HEAD = 65536
HELD = 262144
"""Bytes that may wait in a connection before it stops reading."""


class Server(Interface):
    """What answers on a port."""

    drains: bool
    """Whether a body that nobody asked for is dropped, as libmicrohttpd does, or left for the next request, as XrdHttp does."""
    closes: bool
    """Whether a body that nobody asked for closes the connection: an FST's upload cannot be the next request."""
    fixed: Headers
    """Headers of all answers."""
    clock: Any
    skew: float
    """Seconds that its clock is ahead, as `Date` tells."""
    connections: set[Connection]

    @property
    def phrases(self) -> Callable[[int], str]:
        """What a status is called."""

    async def serve(self, request: Request) -> None:
        """Answer; raises Lost to have the connection cut."""

    def garbage(self, head: bytes, smuggled: bool) -> None:
        """Something came that is no request."""

    def broken(self, failure: BaseException) -> None:
        """The double itself is at fault."""


@implementer(IPushProducer)
class Connection(Protocol):
    """One connection; requests one after the other."""

    transport: Any

    def __init__(self, server: Server) -> None:
        self.server = server
        self._buffer = bytearray()
        self._busy = False
        self._loose = 0.0
        """Bytes in the buffer or still to come that were announced as a body which nobody took."""
        self._lost = False
        self._reader: Deferred[None] | None = None
        self._writer: Deferred[None] | None = None
        self._stopped = False
        self._full = False
        self.close_after = False

    def connectionMade(self) -> None:
        """Be told when the other side does not take what is sent."""
        self.server.connections.add(self)
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Wake everybody who waits."""
        self.server.connections.discard(self)
        self._lost = True
        self._full = False
        self._wake()

    def _wake(self) -> None:
        for name in ("_reader", "_writer"):
            waiting: Deferred[None] | None = getattr(self, name)
            if waiting is not None and (name == "_reader" or not self._full):
                setattr(self, name, None)
                waiting.callback(None)

    def dataReceived(self, data: bytes) -> None:
        """Give bytes to the request that is under way, or take them for a new one."""
        self._buffer += data
        if self._reader is not None:
            self._wake()
        elif not self._busy:
            self._next()
        if len(self._buffer) > HELD and not self._stopped:
            self._stopped = True
            self.transport.pauseProducing()

    def _more(self) -> None:
        if self._stopped and not self._lost:
            self._stopped = False
            self.transport.resumeProducing()

    async def _wait(self) -> None:
        if self._lost:
            raise Lost("connection lost")
        self._reader = Deferred()
        self._more()
        await self._reader
        if self._lost and not self._buffer:
            raise Lost("connection lost")

    async def take(self, most: int) -> bytes:
        """Some bytes of a body, at least one."""
        while not self._buffer:
            await self._wait()
        if len(self._buffer) <= most:
            some, self._buffer = bytes(self._buffer), bytearray()
        else:
            with memoryview(self._buffer) as view:
                some = bytes(view[:most])
            del self._buffer[:most]
        if len(self._buffer) < HELD:
            self._more()
        return some

    async def take_once(self, most: int) -> bytes:
        """Up to so many bytes, after waiting once if fewer are there."""
        if len(self._buffer) < most:
            await self._wait()
        some = bytes(self._buffer[:most])
        del self._buffer[:most]
        return some

    async def line(self) -> bytes:
        """One line without its end."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            await self._wait()
        found = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return found

    def write(self, data: bytes) -> None:
        """Send bytes; silently nothing when nobody is there any more."""
        if not self._lost:
            self.transport.write(data)

    async def flush(self) -> None:
        """Wait while the other side does not take what was sent."""
        while self._full and not self._lost:
            self._writer = Deferred()
            await self._writer
        if self._lost:
            raise Lost("connection lost")

    async def pause(self, seconds: float) -> None:
        """Wait; raises Lost when the connection was lost meanwhile."""
        waited: Deferred[None] = Deferred()
        self.server.clock.callLater(seconds, waited.callback, None)
        await waited
        if self._lost:
            raise Lost("connection lost")

    async def until_lost(self) -> None:
        """Wait until the other side has gone; what it sends meanwhile is dropped."""
        while not self._lost:
            self._buffer.clear()
            await self._wait()
        raise Lost("connection lost")

    # What the transport says about the way out.

    def pauseProducing(self) -> None:
        """The other side does not take more."""
        self._full = True

    def resumeProducing(self) -> None:
        """It does again."""
        self._full = False
        self._wake_writer()

    def stopProducing(self) -> None:
        """It will not any more."""
        self._full = False
        self._wake_writer()

    def _wake_writer(self) -> None:
        waiting, self._writer = self._writer, None
        if waiting is not None:
            waiting.callback(None)

    def abort(self) -> None:
        """Cut the connection."""
        if not self._lost:
            self.transport.unregisterProducer()
            self.transport.abortConnection()

    def close(self) -> None:
        """End the connection when all is sent."""
        if not self._lost:
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    # Requests.

    def _next(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LARGEST_HEAD:
                self.server.garbage(bytes(self._buffer[:200]), self._loose > 0)
                self.abort()
            return
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        smuggled = self._loose > 0
        self._loose = max(0.0, self._loose - end - 4)
        request = parsed(head, self, smuggled)
        if request is None:
            self.server.garbage(head[:200], smuggled)
            self.write(b"HTTP/1.1 501 NOT_IMPLEMENTED\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n")
            self.close()
            return
        self._busy = True
        Deferred.fromCoroutine(self._run(request))

    async def _run(self, request: Request) -> None:
        try:
            await self.server.serve(request)
            if request.lose:
                raise Lost("answer lost")
            if self.server.drains and request.has_body and not request.complete:
                async for _ in request.body():
                    pass
        except Ended:
            self.close()
            return
        except Lost:
            self.abort()
            return
        except Exception as failure:
            self.server.broken(failure)
            self.abort()
            return
        if self.close_after or (self.server.closes and request.has_body and not request.complete):
            self.close()
            return
        if request.has_body and not request.complete:
            self._loose += float("inf") if request.chunked else (request.length or 0) - request.received
        self._busy = False
        # XrdHttp looks at what is left only when more bytes arrive.
        if self.server.drains and self._buffer:
            self._next()
        else:
            self._more()

    def send_head(self, request: Request, status: int, headers: Headers, length: int | None) -> None:
        """Write the status line and the headers that all answers have."""
        if request.lose:
            return
        own = [("Date", format_date_time(self.server.clock.seconds() + self.server.skew)), *self.server.fixed]
        own.append(("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length)))
        if (request.header("connection") or "").lower() == "close":
            self.close_after = True
        own.append(("Connection", "Close" if self.close_after and not request.lies else "Keep-Alive"))
        lines = [f"HTTP/1.1 {status} {self.server.phrases(status)}", *(f"{name}: {value}" for name, value in [*own, *headers])]
        self.write(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"))


class Listener(Factory):
    """Makes the connections of a server."""

    noisy = False

    def __init__(self, server: Server) -> None:
        self._server = server

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        """A connection."""
        return Connection(self._server)
