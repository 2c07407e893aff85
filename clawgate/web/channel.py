"""An HTTP/1 connection: takes heads apart, feeds bodies, keeps requests in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import Disconnected, InvalidRequest
from . import head, transports
from .answer import Answer
from .body import EMPTY, SMALLEST_WINDOW, RequestBody, Windows, whole
from .body_source import BodySource
from .closing import Closing
from .inlet import Inlet
from .outlet import Outlet
from .refusals import bare, unknown_expectation
from .request import Request

if TYPE_CHECKING:
    from .site import ClawSite

_HEAD, _BODY, _BUSY, _DISCARD, _OVER = range(5)
"""What bytes that come now are: a head; the body of the running request; of a later request; unwanted body; to be ignored."""

_EAGER = 16384
"""Bytes of later requests that are taken while one is running; then the client is paused."""
_TUNNELS = Windows(SMALLEST_WINDOW, SMALLEST_WINDOW)
"""What each upgraded connection holds at most; these are small messages, and take nothing from those who upload."""


@implementer(IPushProducer)
class Channel(Protocol):
    """HTTP/1.0 and HTTP/1.1 on one connection. If TLS agreed on HTTP/2, it makes room for that (`ClawSite.upgrade`)."""

    transport: Any
    inlet: Inlet
    outlet: Outlet

    def __init__(self, site: ClawSite) -> None:
        self.site = site
        self.peer = ""
        self.secure = False
        self.can_bypass = False
        self.request: Request | None = None
        self._answer: Answer | None = None  # to the running request
        self._body: RequestBody | None = None  # that is still coming, wanted or not
        self._source: BodySource | None = None  # where it comes from
        self._mode = _HEAD
        self._buffer = b""
        self._looping = False
        self._negotiating = False
        self._since = 0.0  # when the present mode began or, in _DISCARD, bytes came last
        self._discarded = 0
        self._closing: Closing | None = None

    # The connection

    def connectionMade(self) -> None:
        """Set the socket up."""
        transport = self.transport
        site = self.site
        self.peer = transports.peer_address(transport)
        self.secure = ISSLTransport.providedBy(transport)
        self._negotiating = self.secure
        self.inlet = Inlet(transport)
        self.outlet = Outlet(transport, self.secure, site.reactor, site.seconds)
        self.can_bypass = self.outlet.direct and site.sendfile
        transports.tune(transport, site.keepalive)
        transport.registerProducer(self, True)
        self._since = site.seconds()
        site.opened(self)

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
                self.inlet.pause()
        elif self._closing is not None:
            self._closing.ignore(len(data))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone: whoever reads the body or writes the answer gets `Disconnected`."""
        request, answer, body = self.request, self._answer, self._body
        self.request = self._answer = self._body = self._source = None
        self._mode = _OVER
        self._buffer = b""
        self.outlet.lost()
        self.site.closed(self)
        if request is None or answer is None:
            return
        request.disconnected = True
        answer.can_bypass = False
        gone = Disconnected("the client is gone")
        if body is not None:
            body.fail(gone)
        self.outlet.room.lost(gone)

    # Heads

    def _heads(self, data: bytes) -> None:
        self._looping = True
        while self._mode == _HEAD and not self.outlet.blocked:
            if data[:1] in (b"\r", b"\n"):
                data = data.lstrip(b"\r\n")
            try:
                end = head.end_of(data, self.site.header_bytes)
                if end < 0:
                    break
                parsed = head.parse(data[:end], self.site.header_count)
            except head.BadHead as error:
                self._refuse(error.status, str(error))
                data = b""
                break
            data = self._begin(parsed, data[end + 4 :])
        self._looping = False
        if data and self._mode in (_HEAD, _BUSY):
            self._buffer = data
            if len(data) > _EAGER and (self._mode == _BUSY or self.outlet.blocked):
                self.inlet.pause()

    def _begin(self, parsed: head.Head, data: bytes) -> bytes:
        """Start a request; returns the bytes behind it."""
        site = self.site
        fields = parsed.fields
        answer = self._answer = Answer(self, parsed.persistent)
        request = Request(answer, parsed.verb, parsed.target, "1.1" if parsed.minor else "1.0", fields, site.seconds())
        expect = fields.get("expect")
        length = parsed.length
        self._mode = _BUSY
        if length == 0:
            request.body = EMPTY
        elif length is not None and len(data) >= length:
            request.body = whole(data[:length])
            data = data[length:]
        else:
            expects = expect is not None and parsed.minor == 1 and not data
            source = self._source = BodySource(site.seconds, self.inlet, self.outlet, length, expects=expects)
            body = self._body = request.body = RequestBody(length, source, site.windows, site.max_body_bytes)
            self._mode = _BODY
            if data:
                self._content(data)
                data, self._buffer = self._buffer, b""
            if not body.complete:
                body.enroll()
        if expect is not None and parsed.minor and expect[0].lower() != "100-continue":
            answer.keep = answer.keep and self._mode == _BUSY
            request.verdict = unknown_expectation()
        elif site.draining:
            answer.keep = False
        self.request = request
        self._buffer = data
        site.start(request)
        data, self._buffer = self._buffer, b""
        return data

    def _refuse(self, status: int, text: str) -> None:
        """Answer what never became a request, and close."""
        self.outlet.write(bare(status, text, self.site.date_line()))
        self.site.refused(self.peer, status)
        self._close(linger=True)

    # Bodies

    def _content(self, data: bytes) -> None:
        """Bytes of a body, wanted or not, and perhaps of what follows it."""
        body, source = self._body, self._source
        assert body is not None and source is not None
        wanted = self._mode == _BODY
        if not wanted:
            self._since = self.site.seconds()
            self._discarded += len(data)
            if self._discarded > self.site.discard_bytes:
                self._close(linger=True)
                return
        elif body.waiting:
            body.silent_since = self.site.seconds()
        try:
            data = source.decode(data)
        except InvalidRequest as error:
            if wanted:
                assert self._answer is not None
                self._answer.keep = False
                self._mode = _BUSY
                body.fail(error)
            else:
                self._close(linger=True)
            return
        rest = source.rest
        if rest is None:
            if data:
                body.feed(data)
            return
        # The reader may finish the request while it is fed: everything must be in its place before.
        self._buffer = rest
        self._body = self._source = None
        if not wanted:
            self._next()
            return
        self._mode = _BUSY
        self.inlet.block()
        if len(rest) > _EAGER:
            self.inlet.pause()
        if data:
            body.feed(data)
        body.end(source.trailers)

    # What the answer asks for

    def costly(self) -> bool:
        """Whether to close is better than to wait for what is still to come of the request."""
        return self._mode == _BODY and self._source is not None and self._source.costly(self.site.discard_bytes)

    def tunnel(self, request: Request) -> None:
        """What comes from now on is the request's body, which has no end."""
        self._mode = _BODY
        request.body.close()
        self._source = BodySource(self.site.seconds, self.inlet, self.outlet, None, endless=True)
        body = self._body = request.body = RequestBody(None, self._source, _TUNNELS)
        self.inlet.block()
        self.inlet.resume()
        data, self._buffer = self._buffer, b""
        if data:
            body.feed(data)

    def answered(self, keep: bool) -> None:
        """The answer is complete; `keep`: and another request may follow."""
        self.request = self._answer = None
        if self._mode == _OVER:
            return
        if self._mode == _BODY:
            assert self._body is not None and self._source is not None
            self._since = self.site.seconds()
            self._discarded = 0
            self._source.close()
            if not keep:
                self._close(linger=True)
                return
            self._mode = _DISCARD
            self._body.drop()
            self.inlet.resume()
        elif keep:
            self._next()
        else:
            # Of a body that is not framed as it should be there may be more to come.
            self._close(linger=bool(self._buffer) or self._source is not None)

    def cut(self) -> None:
        """Break the answer off so that the client notices."""
        self.request = self._answer = None
        self._mode = _OVER
        self.abort()

    # The transport speaks: its buffer is full, empty, gone

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self.outlet.filled()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        self.outlet.emptied()
        if self._mode == _HEAD and self._buffer and not self._looping:
            self.inlet.resume()
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
        self.inlet.resume()
        if self._buffer and not self._looping and not self.outlet.blocked:
            data, self._buffer = self._buffer, b""
            self._heads(data)

    def _close(self, *, linger: bool = False) -> None:
        """Close as soon as everything is sent; `linger`: the client may still be sending."""
        self._mode = _OVER
        self._buffer = b""
        self._closing = Closing(self.site, self.inlet, self.outlet, linger=linger)

    def stop(self) -> None:
        """Take no more requests: close now if none is running, else after its answer."""
        if self._mode in (_HEAD, _DISCARD):
            self._close()
        elif self._answer is not None:
            self._answer.keep = False

    def abort(self) -> None:
        """Drop the connection now."""
        self.outlet.abort()

    def check(self, now: float) -> None:
        """Called by the site every few seconds: whose turn is it, and for how long already?"""
        mode = self._mode
        idle = self.site.idle_timeout
        if mode == _OVER:
            if self._closing is not None:
                self._closing.check(now)
            else:
                self.abort()
        elif mode in (_HEAD, _DISCARD):
            if self.outlet.blocked:
                if now - max(self._since, self.outlet.room.since) > idle:
                    self.abort()
            elif now - self._since > idle:
                if mode == _HEAD and self._buffer:
                    self._refuse(408, "the request did not come in time")
                else:
                    self._close()
        elif self._answer is not None and self.request is not None:
            endless = self._source is not None and self._source.endless
            self._answer.check(self.request, None if endless else self._body, now)
