"""An HTTP/1 connection: takes heads apart, feeds bodies, keeps answers in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import Disconnected, InvalidRequest
from . import head, transports
from .body import EMPTY, SMALLEST_WINDOW, RequestBody, Windows, whole
from .carrier import Carrier, Headers
from .chunked import ChunkedDecoder
from .patience import Patience, Wait
from .request import Request
from .response import SWITCHING, Response, status_line

if TYPE_CHECKING:
    from .site import ClawSite

_HEAD, _BODY, _BUSY, _DISCARD, _LINGER, _CLOSED = range(6)
"""What bytes that come now are: a head; the body of the running request; of a later request; unwanted body; to be ignored; the
same."""

_EAGER = 16384
"""Bytes of later requests that are taken while one is running; then the client is paused."""
_LINGER_SECONDS = 2.0
"""How long a client may go on sending after an answer that closes the connection: closed at once, its system would throw the
answer away."""
_ABORT_SECONDS = 15.0
"""How long what is left to send may take after the connection was given up."""
_STREAM_LIMIT = 1048576
_ENDLESS = 1 << 62
"""Bytes that nobody sends in all eternity: the length of what follows an upgrade."""
_TUNNELS = Windows(SMALLEST_WINDOW, SMALLEST_WINDOW)
"""What each upgraded connection holds at most; these are small messages, and take nothing from those who upload."""


@implementer(IPushProducer)
class Channel(Protocol, Carrier):
    """HTTP/1.0 and HTTP/1.1 on one connection. If TLS agreed on HTTP/2, it makes room for that (`ClawSite.upgrade`)."""

    transport: Any

    def __init__(self, site: ClawSite) -> None:
        self.site = site
        self.peer = ""
        self.secure = False
        self.blocked = False
        self.request: Request | None = None
        self._mode = _HEAD
        self._buffer = b""
        self._looping = False
        self._paused = False
        self._plain: Any = None  # the transport, if it is a bare socket
        self._negotiating = False
        self._since = 0.0  # when the present mode began or, in _DISCARD, bytes came last
        self._discarded = 0
        self._stuck = 0  # unsent bytes at the last look, while closing
        self._body: RequestBody | None = None
        self._left = 0
        self._decoder: ChunkedDecoder | None = None
        self._expects = False
        self._keep = True
        self._framed = False  # the answer is chunked
        self._tunnel = False  # it was an upgrade: bytes go both ways until one side ends it
        self._waiter: Deferred[None] | None = None
        self._blocked_since = 0.0
        self._patience: Patience | None = None

    # The connection

    def connectionMade(self) -> None:
        """Set the socket up."""
        transport = self.transport
        self.peer = transports.peer_address(transport)
        self.secure = ISSLTransport.providedBy(transport)
        self._negotiating = self.secure
        if isinstance(transport, Connection) and not self.secure:
            self._plain = transport
            self.can_bypass = self.site.sendfile
        transports.tune(transport, self.site.keepalive)
        transport.registerProducer(self, True)
        self._since = self.site.seconds()
        self.site.opened(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client."""
        mode = self._mode
        if mode == _HEAD:
            if self._negotiating:
                self._negotiating = False
                if getattr(self.transport, "negotiatedProtocol", None) == b"h2":
                    self.site.upgrade(self, data)
                    return
            if self._buffer:
                data = self._buffer + data
                self._buffer = b""
            else:
                self._since = self.site.seconds()
            self._heads(data)
        elif mode in (_BODY, _DISCARD):
            self._content(data)
        elif mode == _BUSY:
            self._buffer += data
            if len(self._buffer) > _EAGER:
                self._pause()
        elif mode == _LINGER:
            self._discarded += len(data)
            if self._discarded > self.site.discard_bytes:
                self._pause()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone: whoever reads the body or writes the answer gets `Disconnected`."""
        self._mode = _CLOSED
        self._buffer = b""
        self._plain = None
        self.can_bypass = False
        self.site.closed(self)
        request = self.request
        if request is None:
            return
        request.disconnected = True
        gone = Disconnected("the client is gone")
        waiter = self._waiter
        if self._body is not None:
            self._body.fail(gone)
        if waiter is not None:
            self._waiter = None
            waiter.errback(gone)

    # Heads

    def _heads(self, data: bytes) -> None:
        self._looping = True
        while self._mode == _HEAD and not self.blocked:
            if data[:1] in (b"\r", b"\n"):
                data = data.lstrip(b"\r\n")
            end = data.find(b"\r\n\r\n")
            if not 0 <= end <= self.site.header_bytes:
                if max(end, len(data)) > self.site.header_bytes:
                    if data.find(b"\r\n", 0, self.site.header_bytes) < 0:
                        self._refuse(414, "the request line is too long")
                    else:
                        self._refuse(431, f"more than {self.site.header_bytes} bytes of headers")
                    data = b""
                break
            try:
                parsed = head.parse(data[:end], self.site.header_count)
            except head.BadHead as error:
                self._refuse(error.status, str(error))
                data = b""
                break
            data = self._begin(parsed, data[end + 4 :])
        self._looping = False
        if data and self._mode in (_HEAD, _BUSY):
            self._buffer = data
            if len(data) > _EAGER and (self._mode == _BUSY or self.blocked):
                self._pause()

    def _begin(self, parsed: head.Head, data: bytes) -> bytes:
        """Start a request; returns the bytes behind it."""
        fields = parsed.fields
        request = Request(self, parsed.verb, parsed.target, "1.1" if parsed.minor else "1.0", fields, self.site.seconds())
        connection = fields.get("connection")
        if connection is None:
            self._keep = parsed.minor == 1
        else:
            tokens = connection[0].lower()
            self._keep = "close" not in tokens if parsed.minor else "keep-alive" in tokens
        expect = fields.get("expect")
        self._expects = False
        length = parsed.length
        self._mode = _BUSY
        if length == 0:
            request.body = EMPTY
        elif length is not None and len(data) >= length:
            request.body = whole(data[:length])
            data = data[length:]
        else:
            self._mode = _BODY
            self._body = request.body = body = RequestBody(length, self, self.site.windows, self.site.max_body_bytes)
            self._expects = expect is not None and parsed.minor == 1 and not data
            if length is None:
                self._decoder = ChunkedDecoder()
            else:
                self._left = length
            if data:
                rest, data = data, b""
                self._content(rest)
                data, self._buffer = self._buffer, b""
            if not body.complete:
                body.enroll()
        if expect is not None and parsed.minor and expect[0].lower() != "100-continue":
            self._keep = self._keep and self._mode == _BUSY
            request.verdict = Response(417, [(b"Content-Type", b"text/plain")], b"the only expectation known is 100-continue\n")
        elif self.site.draining:
            self._keep = False
        self.request = request
        self._patience = None
        self._buffer = data
        self.site.start(request)
        data, self._buffer = self._buffer, b""
        return data

    def _refuse(self, status: int, text: str) -> None:
        """Answer what never became a request, and close."""
        body = text.encode() + b"\n"
        self._write(
            status_line(status, 1)
            + self.site.date_line()
            + b"Content-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body
        )
        self.site.refused(self.peer, status)
        self._linger()

    # Bodies

    def _content(self, data: bytes) -> None:
        """Bytes of a body, wanted or not, and perhaps of what follows it."""
        body = self._body
        assert body is not None
        if self._mode == _DISCARD:
            self._since = self.site.seconds()
            self._discarded += len(data)
            if self._discarded > self.site.discard_bytes:
                self._linger()
                return
        elif body.waiting:
            body.silent_since = self.site.seconds()
        decoder = self._decoder
        trailers = None
        if decoder is None:
            left = self._left
            if len(data) < left:
                self._left = left - len(data)
                body.feed(data)
                return
            self._left = 0
            rest = data[left:]
            data = data[:left] if rest else data
        else:
            try:
                data = decoder.feed(data)
            except InvalidRequest as error:
                self._keep = False
                self._decoder = None
                if self._mode == _DISCARD:
                    self._close()
                else:
                    self._mode = _BUSY
                    body.fail(error)
                return
            if not decoder.finished:
                if data:
                    body.feed(data)
                return
            rest = decoder.rest
            trailers = decoder.trailers
            self._decoder = None
        # The reader may finish the request while it is fed: everything must be in its place before.
        wanted = self._mode == _BODY
        self._buffer = rest
        if not wanted:
            self._body = None
            self._next()
            return
        self._mode = _BUSY
        self._body = None
        self._small_reads()
        if len(rest) > _EAGER:
            self._pause()
        if data:
            body.feed(data)
        body.end(trailers)

    def body_wanted(self, block: int) -> None:
        """The handler wants the body."""
        if self._expects:
            self._expects = False
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._left > block or self._decoder is not None:
            transports.set_read_size(self.transport, block)

    def pause_body(self) -> None:
        """The window is full."""
        self._pause()

    def resume_body(self, block: int) -> None:
        """There is room again."""
        if self._mode == _BODY:
            transports.set_read_size(self.transport, block)
        self._resume()

    def seconds(self) -> float:
        """The site's clock."""
        return self.site.seconds()

    def _small_reads(self) -> None:
        transports.set_read_size(self.transport, SMALLEST_WINDOW)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()

    # Answers

    def send_head(self, request: Request, status: int, headers: Headers, length: int | None, data: bytes, more: bool) -> None:
        """See `Carrier`."""
        minor = 1 if request.http_version == "1.1" else 0
        parts = [status_line(status, minor), self.site.date_line(), b"X-Request-ID: ", request.id.encode("latin-1"), b"\r\n"]
        for name, value in headers:
            parts.append(b"%b: %b\r\n" % (name, value))
        lines = 4 + len(headers)
        self._framed = False
        if length is not None:
            parts.append(b"Content-Length: %d\r\n" % length)
            lines += 1
        elif more and status != SWITCHING:
            if minor:
                self._framed = True
                parts.append(b"Transfer-Encoding: chunked\r\n")
                lines += 1
            else:
                self._keep = False
        if self._mode == _BODY and (self._expects or self._left > self.site.discard_bytes):
            # What the client still has to send is not worth waiting for.
            self._keep = False
        if self.site.draining:
            self._keep = False
        if status == SWITCHING:
            # What is left is no HTTP any more; the answer says so itself.
            self._keep = False
            self._framed = False
        elif not self._keep:
            parts.append(b"Connection: close\r\n")
            lines += 1
        elif not minor:
            parts.append(b"Connection: keep-alive\r\n")
            lines += 1
        parts.append(b"\r\n")
        top = b"".join(parts)
        if top.count(b"\n") != lines or top.count(b"\r") != lines:
            raise ValueError("a response header contains a line break")
        if not data:
            self._write(top)
        elif self._framed:
            self._write(b"%b%x\r\n%b\r\n" % (top, len(data), data))
        elif len(data) <= 65536:
            self._write(top + data)
        else:
            self._write(top)
            self._large_writes()
            self.transport.write(data)
        if status == SWITCHING:
            self._open_tunnel(request)
        elif more and length is not None and length > _STREAM_LIMIT:
            self._large_writes()

    def _open_tunnel(self, request: Request) -> None:
        """What comes from now on is the request's body, which has no end."""
        self._tunnel = True
        self._mode = _BODY
        self._left = _ENDLESS
        self._decoder = None
        request.body.close()
        body = self._body = request.body = RequestBody(None, self, _TUNNELS)
        self._small_reads()
        self._resume()
        data, self._buffer = self._buffer, b""
        if data:
            body.feed(data)

    def send(self, data: bytes) -> None:
        """See `Carrier`."""
        if self._framed:
            self._write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._write(data)

    def offer(self, data: bytes) -> int:
        """See `Carrier`."""
        plain = self._plain
        if self._framed or plain is None or not plain.connected or plain.disconnecting or transports.buffered(plain):
            return 0
        sent = plain.writeSomeData(data)
        # What is wrong with the socket, its next use tells.
        return sent if type(sent) is int else 0

    async def drained(self) -> None:
        """See `Carrier`."""
        if self.blocked:
            await self._wait()

    def finish(self) -> None:
        """See `Carrier`."""
        self.request = None
        if self._framed:
            self._framed = False
            self._write(b"0\r\n\r\n")
        if self._mode == _CLOSED:
            return
        if self._mode == _BODY:
            self._since = self.site.seconds()
            self._discarded = 0
            if not self._keep:
                self._linger()
                return
            self._mode = _DISCARD
            body = self._body
            assert body is not None
            body.drop()
            self._resume()
        elif self._keep:
            self._next()
        elif self._buffer:
            self._linger()
        else:
            self._close()

    def cut(self) -> None:
        """See `Carrier`."""
        self.request = None
        self._mode = _CLOSED
        transports.abort(self.transport)

    def unsent(self) -> int:
        """See `Carrier`."""
        return transports.unsent(self.transport)

    async def descriptor(self) -> int:
        """See `Carrier`."""
        plain = self._plain
        assert plain is not None
        if transports.buffered(plain):
            # The transport tells its producer only after it has paused it.
            plain.producerPaused = True
            self.pauseProducing()
            await self._wait()
        if self._plain is None:
            raise Disconnected("the client is gone")
        return transports.dup(plain)

    async def writable(self, descriptor: int) -> None:
        """See `Carrier`."""
        watch = transports.Writable(self.site.reactor, descriptor, self._go_on)
        try:
            await self._wait()
        finally:
            watch.stop()

    def _go_on(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            waiter.callback(None)

    async def _wait(self) -> None:
        if self._mode == _CLOSED:
            raise Disconnected("the client is gone")
        self._blocked_since = self.site.seconds()
        waiter: Deferred[None] = Deferred()
        self._waiter = waiter
        await waiter

    def _large_writes(self) -> None:
        if self._plain is not None:
            self._plain.SEND_LIMIT = _STREAM_LIMIT

    def _write(self, data: bytes) -> None:
        """Send now what the socket takes, which saves the reactor two calls and a turn; the rest goes the usual way."""
        plain = self._plain
        if plain is not None and plain.connected and not plain.disconnecting and not transports.buffered(plain):
            sent = plain.writeSomeData(data)
            if type(sent) is int:
                if sent == len(data):
                    return
                data = data[sent:]
        transport = self.transport
        if transport is not None:
            transport.write(data)

    # The transport speaks: its buffer is full, empty, gone

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        if not self.blocked:
            self.blocked = True
            self._blocked_since = self.site.seconds()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        self.blocked = False
        self._go_on()
        if self._mode == _HEAD and self._buffer and not self._looping:
            self._resume()
            data, self._buffer = self._buffer, b""
            self._heads(data)

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` follows."""

    # The end of a request, of the connection

    def _next(self) -> None:
        """Ready for the next request, which may be here already."""
        self._mode = _HEAD
        self._since = self.site.seconds()
        if self.site.draining:
            self._close()
            return
        self._resume()
        if self._buffer and not self._looping and not self.blocked:
            data, self._buffer = self._buffer, b""
            self._heads(data)

    def _close(self) -> None:
        """Close as soon as everything is sent."""
        self._mode = _CLOSED
        self._since = self.site.seconds() + _ABORT_SECONDS
        self._stuck = self.unsent()
        transport = self.transport
        transport.unregisterProducer()
        transport.loseConnection()

    def _linger(self) -> None:
        """Close, but listen a little: a socket closed with bytes unread makes the client's system drop the answer."""
        if self._plain is None:
            self._close()
            return
        self._mode = _LINGER
        self._discarded = 0
        self._buffer = b""
        self._small_reads()
        self._resume()
        self._since = self.site.seconds() + _LINGER_SECONDS
        self._stuck = self.unsent()
        self._plain.unregisterProducer()
        self._plain.loseWriteConnection()

    def stop(self) -> None:
        """Take no more requests: close now if none is running, else after its answer."""
        if self._mode in (_HEAD, _DISCARD):
            self._close()
        elif self.request is not None:
            self._keep = False

    def abort(self) -> None:
        """Drop the connection now."""
        transports.abort(self.transport)

    def check(self, now: float) -> None:
        """Called by the site every few seconds: whose turn is it, and for how long already?"""
        mode = self._mode
        idle = self.site.idle_timeout
        if mode in (_LINGER, _CLOSED):
            unsent = self.unsent()
            if unsent < self._stuck:
                self._stuck = unsent
                self._since = max(self._since, now + (_ABORT_SECONDS if unsent else _LINGER_SECONDS))
            elif now >= self._since:
                self.abort()
        elif mode in (_HEAD, _DISCARD):
            if self.blocked:
                if now - max(self._since, self._blocked_since) > idle:
                    self.abort()
            elif now - self._since > idle:
                if mode == _HEAD and self._buffer:
                    self._refuse(408, "the request did not come in time")
                else:
                    self._close()
        elif self.request is not None:
            self._judge(self.request, now)

    def _judge(self, request: Request, now: float) -> None:
        patience = self._patience
        if patience is None:
            patience = self._patience = Patience(now)
        body = self._body
        if body is not None and body.waiting and not self._tunnel:
            wait, since, count = Wait.INPUT, body.silent_since, body.received
        elif self._waiter is not None:
            wait, since, count = Wait.OUTPUT, self._blocked_since, request.sent - self.unsent()
        else:
            wait, since, count = Wait.NOTHING, now, 0
        if not patience.exhausted(now, wait, since, count, self.site.idle_timeout, self.site.min_rate):
            return
        if wait is Wait.OUTPUT or self._tunnel:
            self.site.refused(self.peer, 408)
            self.abort()
        elif body is not None:
            self._keep = False
            request.verdict = Response(408, [(b"Content-Type", b"text/plain")], b"the body comes too slowly\n")
            body.fail(Disconnected("the client was too slow"))
