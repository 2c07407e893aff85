"""HTTP/2: Twisted's protocol with streamed bodies, honest back-pressure and early answers."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import priority  # type: ignore[import-untyped]
from hyperframe.frame import GoAwayFrame
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web import _http2

from ..errors import Disconnected
from . import transports
from .body import EMPTY, RequestBody
from .carrier import Carrier, Headers
from .head import Fields, add_field, is_target
from .patience import Patience, Wait
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from .site import ClawSite

_Connection: Any = _http2.H2Connection
_Stream: Any = _http2.H2Stream
_END = _http2._END_STREAM_SENTINEL

_PENDING = 65536
"""Bytes of one stream that wait for the client's window before the handler has to."""
_FRAMES_A_TURN = 16
_CONTROL_BYTES = 262144
_ABORT_SECONDS = 15.0


class Http2Connection(_Connection):  # type: ignore[misc]
    """One HTTP/2 connection. Timers are the site's; Twisted's own stay off."""

    site: Any
    transport: Any
    _sendingDeferred: Deferred[None] | None

    def __init__(self, site: ClawSite, peer: str) -> None:
        super().__init__(site.reactor)
        self.site = site
        self.peer = peer
        self.timeOut = None
        self.callLater = site.reactor.callLater
        self.conn.decoder.max_header_list_size = 4 * site.header_bytes
        # Heads of answers count as control frames; Twisted's 17 KiB would drop slow clients with many requests.
        self._maxBufferedControlFrameBytes = _CONTROL_BYTES
        self._starting: list[Stream] = []
        self._active = site.seconds()
        self._closing: float | None = None
        self._stuck = 0
        self._stopping = False

    def connectionMade(self) -> None:
        """Start; leave room for several uploads of which one is held up."""
        super().connectionMade()
        self.conn.increment_flow_control_window(self.site.windows.each)
        self._tryToWriteControlData()

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client. Requests begin after all of them were looked at: small bodies are then complete."""
        self._active = self.site.seconds()
        super().dataReceived(data)
        while self._starting:
            stream = self._starting.pop(0)
            if not stream.lost:
                stream.start()

    def connectionLost(self, reason: Failure, _cancelTimeouts: bool = True) -> None:
        """The connection is gone."""
        if self._stillProducing:
            super().connectionLost(reason, _cancelTimeouts)
        if _cancelTimeouts:
            self.site.closed(self)
        elif self._closing is None:
            self._closing = self.site.seconds() + _ABORT_SECONDS
            # A transport with a producer does not close.
            self.transport.unregisterProducer()

    # Events. Frames for streams that were answered early may still be on their way.

    def _requestReceived(self, event: Any) -> None:
        stream_id = event.stream_id
        if self._stopping:
            self.conn.reset_stream(stream_id, h2.errors.ErrorCodes.REFUSED_STREAM)
            return
        stream = Stream(stream_id, self, event.headers, event.stream_ended is not None)
        self.streams[stream_id] = stream
        self._streamCleanupCallbacks[stream_id] = Deferred()
        self._outboundStreamQueues[stream_id] = _Queue()
        with suppress(priority.DuplicateStreamError):  # a PRIORITY frame came first
            self.priority.insert_stream(stream_id)
        self.priority.block(stream_id)
        self._starting.append(stream)

    def _requestDataReceived(self, event: Any) -> None:
        if event.stream_id in self.streams:
            super()._requestDataReceived(event)
        elif event.flow_controlled_length:
            self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _requestEnded(self, event: Any) -> None:
        if event.stream_id in self.streams:
            super()._requestEnded(event)

    def _requestAborted(self, event: Any) -> None:
        if event.stream_id in self.streams:
            super()._requestAborted(event)

    def _handleWindowUpdate(self, event: Any) -> None:
        super()._handleWindowUpdate(event)
        self._kick()

    def _requestDone(self, stream_id: int) -> None:
        stream = self.streams[stream_id]
        super()._requestDone(stream_id)
        if not self._stillProducing:
            return
        if not stream.inbound_ended and not stream.lost:
            # RFC 9113 section 8.1: the answer is complete, the rest of the body is not wanted.
            with suppress(h2.exceptions.ProtocolError):
                self.conn.reset_stream(stream_id, h2.errors.ErrorCodes.NO_ERROR)
            self._tryToWriteControlData()
        self._active = self.site.seconds()
        if self._stopping and not self.streams:
            self.close()

    # Sending

    def _kick(self) -> None:
        sending = self._sendingDeferred
        if sending is not None:
            self._sendingDeferred = None
            sending.callback(None)

    def _sendPrioritisedData(self, *args: object) -> None:
        """Send several frames a reactor turn, wait where a window or the transport is full, and let handlers know of room."""
        if not self._stillProducing:
            return
        roomy: list[Stream] = []
        again = True
        for _ in range(_FRAMES_A_TURN):
            if self._consumerBlocked is not None:
                self._consumerBlocked.addCallback(self._sendPrioritisedData)
                again = False
                break
            try:
                stream_id = next(self.priority)
            except priority.DeadlockError:
                sending: Deferred[None] = Deferred()
                sending.addCallback(self._sendPrioritisedData)
                self._sendingDeferred = sending
                again = False
                break
            queue = self._outboundStreamQueues[stream_id]
            if not queue:
                self.priority.block(stream_id)
                continue
            if queue[0] is _END:
                self.conn.end_stream(stream_id)
                self.transport.write(self.conn.data_to_send())
                self._requestDone(stream_id)
                if not self._stillProducing:
                    return
                continue
            room = min(self.conn.max_outbound_frame_size, self.conn.local_flow_control_window(stream_id))
            if room <= 0:
                self.priority.block(stream_id)
                continue
            piece = queue.take(room)
            self.conn.send_data(stream_id, piece)
            stream = self.streams[stream_id]
            stream.pending -= len(piece)
            if stream.waiter is not None and stream.pending <= _PENDING:
                roomy.append(stream)
            if not queue:
                self.priority.block(stream_id)
        frames = self.conn.data_to_send()
        if frames:
            self.transport.write(frames)
        if again:
            self._reactor.callLater(0, self._sendPrioritisedData)
        for stream in roomy:
            stream.go_on()

    def write_data(self, stream: Stream, data: bytes) -> None:
        """Queue bytes of an answer."""
        self._outboundStreamQueues[stream.streamID].append(data)
        stream.pending += len(data)
        if self.conn.local_flow_control_window(stream.streamID) > 0:
            self.priority.unblock(stream.streamID)
            self._kick()

    def reset(self, stream: Stream) -> None:
        """Break one answer off."""
        if stream.streamID in self.streams and self._stillProducing:
            stream.lost = True
            with suppress(h2.exceptions.ProtocolError):
                self.conn.reset_stream(stream.streamID, h2.errors.ErrorCodes.INTERNAL_ERROR)
            if self._tryToWriteControlData():
                self._requestDone(stream.streamID)

    # What the site asks for

    def stop(self) -> None:
        """Take no more requests. (h2 itself can say GOAWAY only at once with ending all streams.)"""
        self._stopping = True
        if not self.streams:
            self.close()
            return
        goaway = GoAwayFrame(stream_id=0, last_stream_id=self.conn.highest_inbound_stream_id, error_code=0)
        self.transport.write(goaway.serialize())

    def close(self) -> None:
        """Say goodbye and close."""
        if self._closing is not None or not self._stillProducing:
            return
        self._closing = self.site.seconds() + _ABORT_SECONDS
        self._stuck = transports.unsent(self.transport)
        self.conn.close_connection(h2.errors.ErrorCodes.NO_ERROR)
        self.transport.write(self.conn.data_to_send())
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self) -> None:
        """Drop the connection now."""
        transports.abort(self.transport)

    def check(self, now: float) -> None:
        """Called by the site every few seconds."""
        if self._closing is not None:
            unsent = transports.unsent(self.transport)
            if unsent < self._stuck:
                self._stuck = unsent
                self._closing = max(self._closing, now + _ABORT_SECONDS)
            elif now >= self._closing:
                self.abort()
        elif not self.streams:
            if now - self._active > self.site.idle_timeout:
                self.close()
        else:
            unsent = transports.unsent(self.transport)
            for stream in list(self.streams.values()):
                if not stream.check(now, unsent):
                    # The window is the client's, and so is what stands in the way: no other stream fares better.
                    self.abort()
                    return


class _Queue(list[Any]):
    """Bytes of one stream that wait to be sent, and at the end perhaps Twisted's mark for it."""

    __slots__ = ("offset",)

    def __init__(self) -> None:
        super().__init__()
        self.offset = 0

    def take(self, room: int) -> bytes:
        """Up to `room` bytes from the front."""
        first = self[0]
        piece: bytes = first[self.offset : self.offset + room]
        self.offset += len(piece)
        if self.offset >= len(first):
            self.offset = 0
            del self[0]
        return piece


class _Inbound:
    """What Twisted's stream takes for its request."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def handleContentChunk(self, data: bytes) -> None:
        """Bytes of the body."""
        if data:
            self._stream.fed(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The body is complete."""
        self._stream.ended()

    def connectionLost(self, reason: Failure) -> None:
        """The stream was reset, or the connection lost."""
        self._stream.gone()


class Stream(_Stream, Carrier):  # type: ignore[misc]
    """One request and its answer on an HTTP/2 connection."""

    def __init__(self, stream_id: int, connection: Http2Connection, headers: list[tuple[bytes, bytes]], ended: bool) -> None:
        self.peer = connection.peer
        self.secure = True
        self.blocked = False
        self.pending = 0
        """Bytes that wait for the client's window."""
        self.waiter: Deferred[None] | None = None
        self.inbound_ended = ended
        self.lost = False
        """Reset by either side."""
        self._site: ClawSite = connection.site
        self._blocked_since = 0.0
        self._patience: Patience | None = None
        self._expects = False
        self._widened = False
        self.request: Request
        super().__init__(
            stream_id, connection, headers, lambda stream, queued: _Inbound(stream), connection.site, connection.site
        )

    def _convertHeaders(self, headers: list[tuple[bytes, bytes]]) -> None:
        fields: Fields = {}
        verb, target, host = "", b"", None
        size = 0
        for raw_name, raw_value in headers:
            size += len(raw_name) + len(raw_value) + 32
            if raw_name[:1] != b":":
                name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip(" \t")
                if name == "cookie" and name in fields:
                    fields[name][0] += "; " + value
                else:
                    add_field(fields, name, value)
            elif raw_name == b":method":
                self.command, verb = raw_value, raw_value.decode("latin-1")
            elif raw_name == b":path":
                self.path = target = raw_value
            elif raw_name == b":authority":
                host = raw_value.decode("latin-1")
        if host is not None:
            fields["host"] = [host]
        site = self._site
        request = self.request = Request(self, verb, target, "2", fields, site.seconds())
        refusal = None
        if size > site.header_bytes or len(headers) > site.header_count:
            refusal = 431, b"too many or too large headers\n"
        elif not is_target(target) or not (target.startswith(b"/") or (target == b"*" and verb == "OPTIONS")):
            refusal = 400, b"the request target must be a path\n"
        else:
            expect = fields.get("expect")
            if expect is not None:
                self._expects = expect[0].lower() == "100-continue"
                if not self._expects:
                    refusal = 417, b"the only expectation known is 100-continue\n"
        if refusal is not None:
            request.verdict = Response(refusal[0], [(b"Content-Type", b"text/plain")], refusal[1])
        if self.inbound_ended:
            request.body = EMPTY
        else:
            length = fields.get("content-length")
            request.body = RequestBody(int(length[0]) if length is not None else None, self, site.windows, site.max_body_bytes)

    def start(self) -> None:
        """Hand the request over."""
        body = self.request.body
        if not body.complete:
            body.enroll()
            if body.received:
                self._expects = False
        self._site.start(self.request)

    # The body

    def fed(self, data: bytes) -> None:
        """Bytes of the body."""
        body = self.request.body
        if body.waiting:
            body.silent_since = self._site.seconds()
        body.feed(data)

    def ended(self) -> None:
        """The body is complete."""
        self.inbound_ended = True
        if self.request.body is not EMPTY:
            self.request.body.end()

    def gone(self) -> None:
        """Reset by the client, or the connection is lost."""
        self.lost = True
        request = self.request
        request.disconnected = True
        error = Disconnected("the client is gone")
        if not self.inbound_ended:
            request.body.fail(error)
        waiter = self.waiter
        if waiter is not None:
            self.waiter = None
            waiter.errback(error)

    def body_wanted(self, block: int) -> None:
        """See `Source`."""
        if self._expects:
            self._expects = False
            self._conn._send100Continue(self.streamID)
        if not self._widened and not self.lost:
            self._widened = True
            extra = block - 65535
            if extra > 0 and not self.inbound_ended:
                self._conn.conn.increment_flow_control_window(extra, self.streamID)
                self._conn._tryToWriteControlData()

    def pause_body(self) -> None:
        """See `Source`."""
        self.pauseProducing()

    def resume_body(self, block: int) -> None:
        """See `Source`."""
        if not self.lost:
            self.resumeProducing()

    def seconds(self) -> float:
        """See `Source`."""
        return self._site.seconds()

    # The answer

    def send_head(self, request: Request, status: int, headers: Headers, length: int | None, data: bytes, more: bool) -> None:
        """See `Carrier`."""
        site = self._site
        sent = [(b"date", site.date_line()[6:-2]), (b"x-request-id", request.id.encode("latin-1"))]
        for name, value in headers:
            if b"\n" in value or b"\r" in value or b"\n" in name or b"\r" in name:
                raise ValueError("a response header contains a line break")
            sent.append((name.lower(), value))
        if length is not None:
            sent.append((b"content-length", b"%d" % length))
        self._conn.writeHeaders(b"", b"%d" % status, b"", sent, self.streamID)
        if data:
            self.send(data)

    def send(self, data: bytes) -> None:
        """See `Carrier`."""
        if self.lost:
            return
        self._conn.write_data(self, data)
        if self.pending > _PENDING:
            self.blocked = True

    async def drained(self) -> None:
        """See `Carrier`."""
        if self.lost:
            raise Disconnected("the client is gone")
        if self.pending > _PENDING:
            self._blocked_since = self._site.seconds()
            waiter: Deferred[None] = Deferred()
            self.waiter = waiter
            await waiter
        self.blocked = False

    def go_on(self) -> None:
        """There is room again."""
        waiter = self.waiter
        if waiter is not None:
            self.waiter = None
            waiter.callback(None)

    def finish(self) -> None:
        """See `Carrier`."""
        if not self.lost:
            self._conn.endRequest(self.streamID)

    def cut(self) -> None:
        """See `Carrier`."""
        self._conn.reset(self)

    def unsent(self) -> int:
        """See `Carrier`."""
        return self.pending + transports.unsent(self._conn.transport)

    def check(self, now: float, unsent: int) -> bool:
        """Judge how long the client has kept this request waiting; False: it has to go."""
        patience = self._patience
        if patience is None:
            patience = self._patience = Patience(now)
        body = self.request.body
        if body.waiting:
            wait, since, count = Wait.INPUT, body.silent_since, body.received
        elif self.waiter is not None or self.pending:
            wait, since, count = (
                Wait.OUTPUT,
                self._blocked_since or self.request.started,
                self.request.sent - self.pending - unsent,
            )
        else:
            wait, since, count = Wait.NOTHING, now, 0
        if not patience.exhausted(now, wait, since, count, self._site.idle_timeout, self._site.min_rate):
            return True
        if wait is Wait.OUTPUT:
            return False
        self.request.verdict = Response(408, [(b"Content-Type", b"text/plain")], b"the body comes too slowly\n")
        body.fail(Disconnected("the client was too slow"))
        return True
