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

from . import transports
from .closing import Deadline
from .http2_stream import PENDING, Queue, Stream

if TYPE_CHECKING:
    from .site import ClawSite

_Connection: Any = _http2.H2Connection
_END = _http2._END_STREAM_SENTINEL

_FRAMES_A_TURN = 16
_CONTROL_BYTES = 262144


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
        self._receive = self.conn.receive_data
        self.conn.receive_data = self._receive_data
        # Heads of answers count as control frames; Twisted's 17 KiB would drop slow clients with many requests.
        self._maxBufferedControlFrameBytes = _CONTROL_BYTES
        self._starting: list[Stream] = []
        self._active = site.seconds()
        self._closing: Deadline | None = None
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

    def _receive_data(self, data: bytes) -> Any:
        """The events that `data` brings. Twisted overlooks trailers, so they are hung on the end that follows them."""
        events = self._receive(data)
        for event in events:
            if isinstance(event, h2.events.TrailersReceived):
                end: Any = event.stream_ended
                end.trailers = event.headers
        return events

    def connectionLost(self, reason: Failure, _cancelTimeouts: bool = True) -> None:
        """The connection is gone."""
        if self._stillProducing:
            super().connectionLost(reason, _cancelTimeouts)
        if _cancelTimeouts:
            self.site.closed(self)
        elif self._closing is None:
            self._closing = Deadline(self.site.seconds(), 0)
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
        self._outboundStreamQueues[stream_id] = Queue()
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
        stream = self.streams.get(event.stream_id)
        if stream is not None:
            stream.trailers = getattr(event, "trailers", ())
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
            if stream.room.awaited and stream.pending <= PENDING:
                roomy.append(stream)
            if not queue:
                self.priority.block(stream_id)
        frames = self.conn.data_to_send()
        if frames:
            self.transport.write(frames)
        if again:
            self._reactor.callLater(0, self._sendPrioritisedData)
        for stream in roomy:
            stream.room.made()

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
        self._closing = Deadline(self.site.seconds(), transports.unsent(self.transport))
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
            if self._closing.overdue(now, transports.unsent(self.transport)):
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
