"""One request on an HTTP/2 connection: Twisted's stream with a streamed body and honest back-pressure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.python.failure import Failure
from twisted.web import _http2

from ..errors import Disconnected, InvalidRequest
from . import http2_head, transports
from .body import EMPTY, RequestBody
from .carrier import Carrier, Headers
from .chunked import TRAILERS_MAX
from .patience import Output, Patience, Wait
from .refusals import refusal, too_slow, unknown_expectation
from .request import Request
from .room import Room

if TYPE_CHECKING:
    from .http2 import Http2Connection
    from .site import ClawSite

_Stream: Any = _http2.H2Stream

PENDING = 65536
"""Bytes of one stream that wait for the client's window before the handler has to."""


class Queue(list[Any]):
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

    blocked = False

    def __init__(self, stream_id: int, connection: Http2Connection, headers: list[tuple[bytes, bytes]], ended: bool) -> None:
        self.peer = connection.peer
        self.secure = True
        self.pending = 0
        """Bytes that wait for the client's window."""
        self.room = Room()
        self.inbound_ended = ended
        self.trailers: Sequence[tuple[bytes, bytes]] = ()
        """Fields that came behind the body."""
        self.lost = False
        """Reset by either side."""
        self._site: ClawSite = connection.site
        self._patience: Patience | None = None
        self._expects = False
        self._widened = False
        self.request: Request
        super().__init__(
            stream_id, connection, headers, lambda stream, queued: _Inbound(stream), connection.site, connection.site
        )

    def _convertHeaders(self, headers: list[tuple[bytes, bytes]]) -> None:
        found = http2_head.read(headers)
        self.command, self.path = found.verb.encode("latin-1"), found.target
        site = self._site
        request = self.request = Request(self, found.verb, found.target, "2", found.fields, site.seconds())
        expect = found.fields.get("expect")
        if found.size > site.header_bytes or len(headers) > site.header_count:
            request.verdict = refusal(431, "too many or too large headers")
        elif not found.is_path:
            request.verdict = refusal(400, "the request target must be a path")
        elif expect is not None:
            self._expects = expect[0].lower() == "100-continue"
            if not self._expects:
                request.verdict = unknown_expectation()
        if self.inbound_ended:
            request.body = EMPTY
        else:
            length = found.fields.get("content-length")
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
        body = self.request.body
        if body is EMPTY:
            return
        fields, size = http2_head.trailers(self.trailers)
        if size > TRAILERS_MAX:
            body.fail(InvalidRequest("too many trailers"))
        else:
            body.end(fields)

    def gone(self) -> None:
        """Reset by the client, or the connection is lost."""
        self.lost = True
        request = self.request
        request.disconnected = True
        error = Disconnected("the client is gone")
        if not self.inbound_ended:
            request.body.fail(error)
        self.room.lost(error)

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
        if self.pending > PENDING:
            self.blocked = True

    async def drained(self) -> None:
        """See `Carrier`."""
        if self.lost:
            raise Disconnected("the client is gone")
        if self.pending > PENDING:
            await self.room.wait(self._site.seconds())
        self.blocked = False

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
        request = self.request
        output = None
        if self.room.awaited or self.pending:
            output = Output(self.room.since or request.started, request.sent - self.pending - unsent)
        late = patience.judge(now, request.body, output, self._site)
        if late is Wait.INPUT:
            too_slow(request)
        return late is not Wait.OUTPUT
