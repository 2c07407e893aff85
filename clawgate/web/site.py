"""The site: makes connections, starts requests, keeps the clock, stops in good order."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolNegotiationFactory
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from zope.interface import implementer

from .. import settings
from ..workers import Workers
from . import dates, exchange
from .access_log import AccessLog, shown
from .body import Windows
from .channel import Channel
from .http2 import Http2Connection
from .observer import NoObserver, Observer
from .proxies import Proxies
from .request import Request
from .response import Response

Handler = Callable[[Request], Awaitable[Response]]

_log = Logger()

_GIVE_UP_SECONDS = 2.0
CHECKED_AT_ONCE = 200
"""Connections whose clock is looked at in one turn of the reactor: half a millisecond."""


class Managed(Protocol):
    """A connection as the site sees it."""

    def check(self, now: float) -> None:
        """Look at the clock."""

    def stop(self) -> None:
        """Take no more requests."""

    def abort(self) -> None:
        """Drop the connection."""


@implementer(IProtocolNegotiationFactory)
class ClawSite(ServerFactory[Any]):
    """A factory for any stream endpoint; over TLS it offers HTTP/2 as well.

    One timer looks at all connections a few times per idle timeout: no request pays for timers of its own.
    """

    noisy = False

    def __init__(
        self,
        handler: Handler,
        http: settings.Http,
        reactor: Any,
        metrics: Observer | None = None,
        access_log: AccessLog | None = None,
        workers: Workers | None = None,
    ) -> None:
        """`reactor` is the clock and watches descriptors; `workers` (None: no sendfile) push files into sockets. Raises
        `SettingsError`."""
        self.handler = handler
        self.reactor = reactor
        self.seconds: Callable[[], float] = reactor.seconds
        self.metrics = metrics or NoObserver()
        self.access_log = access_log
        self.workers = workers
        self.proxies = Proxies(http.trusted_proxies)
        self.public_url = http.public_url.rstrip("/")
        self.default_host = "localhost"
        """Host for clients that sent none (HTTP/1.0)."""
        self.windows = Windows(http.window_bytes, http.windows_total_bytes)
        self.header_bytes = http.header_bytes
        self.header_count = http.header_count
        self.max_body_bytes = http.max_body_bytes
        self.idle_timeout = http.idle_timeout
        self.min_rate = http.min_rate
        self.discard_bytes = http.discard_bytes
        self.keepalive = http.tcp_keepalive
        self.ranges = http.ranges
        self.sendfile = http.sendfile and workers is not None
        self.running = 0
        """Requests between their headers and the end of all cleaning up."""
        self.draining = False
        self._limit = http.connections
        self._ports: list[Any] = []
        self._full = False
        self._connections: dict[Managed, None] = {}
        self._interval = min(2.0, max(0.05, http.idle_timeout / 16))
        self._sweeping: Any = None
        self._drained: Deferred[None] | None = None
        self._timer: Any = None
        self._prefix = os.urandom(6).hex()
        self._ids = count(1)
        self._date = (0, b"")

    # What connections and requests ask for

    def next_id(self) -> str:
        """A new request id."""
        return f"{self._prefix}-{next(self._ids):x}"

    def date_line(self) -> bytes:
        """The Date header line."""
        now = int(self.seconds())
        if self._date[0] != now:
            self._date = (now, b"Date: " + dates.render(now) + b"\r\n")
        return self._date[1]

    def pause(self, delay: float) -> Deferred[None]:
        """Fires after `delay` seconds."""
        waiter: Deferred[None] = Deferred()
        self.reactor.callLater(delay, waiter.callback, None)
        return waiter

    def shown_path(self, request: Request) -> str:
        """The path as logs may show it."""
        return shown(request.raw_path)

    # Connections

    def acceptableProtocols(self) -> list[bytes]:
        """For ALPN, best first."""
        return [b"h2", b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Channel | None:
        """A connection; None (which closes it) once the site stops, or if there are too many and no port can be held back."""
        if self.draining or (len(self._connections) >= self._limit and not self._ports):
            return None
        return Channel(self)

    def hold_back(self, port: IListeningPort) -> None:
        """Let further connections wait in this port's queue while there are as many as allowed."""
        self._ports.append(port)

    def opened(self, connection: Managed) -> None:
        """A connection is there."""
        self._connections[connection] = None
        open_now = len(self._connections)
        self.metrics.connections(open_now)
        if open_now >= self._limit and not self._full:
            self._full = True
            for port in self._ports:
                port.pauseProducing()
        if self._sweeping is None:
            self._sweeping = self.reactor.callLater(self._interval, self._sweep)

    def closed(self, connection: Managed) -> None:
        """A connection is gone."""
        self._connections.pop(connection, None)
        open_now = len(self._connections)
        self.metrics.connections(open_now)
        if self._full and open_now < self._limit:
            self._full = False
            for port in self._ports:
                port.resumeProducing()
        if not open_now:
            if self._sweeping is not None:
                self._sweeping.cancel()
                self._sweeping = None
            self._check_drained()

    def upgrade(self, channel: Channel, data: bytes) -> None:
        """TLS agreed on HTTP/2: another protocol takes the connection over."""
        transport: Any = channel.transport
        transport.unregisterProducer()
        connection = Http2Connection(self, channel.peer)
        self._connections.pop(channel, None)
        self._connections[connection] = None
        channel.dataReceived = connection.dataReceived  # type: ignore[method-assign]
        channel.connectionLost = connection.connectionLost  # type: ignore[method-assign,assignment]
        connection.makeConnection(transport)
        transport.registerProducer(connection, True)
        connection.dataReceived(data)

    def _sweep(self, left: list[Managed] | None = None) -> None:
        """Look at all connections, or at those that are `left` of this round; others have their turn in between."""
        if left is None:
            left = list(self._connections)
        turn = left[-CHECKED_AT_ONCE:]
        del left[-CHECKED_AT_ONCE:]
        # Before anything can fail.
        if left:
            self._sweeping = self.reactor.callLater(0, self._sweep, left)
        else:
            self._sweeping = self.reactor.callLater(self._interval, self._sweep)
        now = self.seconds()
        for connection in turn:
            if connection not in self._connections:
                continue
            try:
                connection.check(now)
            except Exception:
                _log.failure("checking a connection failed")
                connection.abort()

    # Requests

    def start(self, request: Request) -> None:
        """Hand a request to the handler."""
        self.running += 1
        self.metrics.started(request)
        Deferred.fromCoroutine(exchange.run(self, request)).addBoth(self._ended)

    def _ended(self, result: object) -> None:
        self.running -= 1
        if self.draining:
            self._check_drained()

    def finished(self, request: Request) -> None:
        """The answer is out or given up: count and log it."""
        seconds = self.seconds() - request.started
        received = request.body.received
        self.metrics.finished(request, request.status, received, request.sent, seconds)
        if self.access_log is not None:
            self.access_log.add(request, received, seconds)

    def refused(self, peer: str, status: int) -> None:
        """Something was refused before it became a request."""
        self.metrics.refused(status)
        if self.access_log is not None:
            self.access_log.add_refusal(peer, status)

    # The end

    def drain(self, timeout: float) -> Deferred[None]:
        """Take no more requests; fires when the last one has ended. After `timeout` seconds those still running are cut.

        The listening ports are to be closed before. A handler that does not even end when its client is gone is given up two
        seconds later.
        """
        self.draining = True
        drained = self._drained = Deferred()
        for connection in list(self._connections):
            connection.stop()
        timer = self.reactor.callLater(timeout, self._cut)
        self._timer = timer
        self._check_drained()
        return drained

    def _cut(self) -> None:
        self._timer = self.reactor.callLater(_GIVE_UP_SECONDS, self._give_up)
        for connection in list(self._connections):
            connection.abort()

    def _give_up(self) -> None:
        _log.warn("stopped although {running} requests have not ended", running=self.running)
        self.running = 0
        self._check_drained()

    def _check_drained(self) -> None:
        drained = self._drained
        if drained is not None and not self._connections and not self.running:
            self._drained = None
            if self._timer is not None and self._timer.active():
                self._timer.cancel()
            drained.callback(None)
