"""What the ports of MGM and FST have in common: recording, faults, phrases, connections."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IListeningPort
from twisted.protocols.tls import TLSMemoryBIOFactory

from .faults import Fault, Faults
from .names import path_of
from .profile import Profile
from .record import Exchange, Record
from .request import Headers, Lost, Request
from .wire import Connection, Listener

_ENUM = {201: "CREATED", 204: "NO_CONTENT", 206: "PARTIAL_CONTENT", 207: "MULTI_STATUS", 307: "TEMPORARY_REDIRECT"}


def enum_phrase(status: int) -> str:
    """Names of an enumeration, which knows neither 207's neighbours nor 507 (section 2)."""
    if status in _ENUM:
        return _ENUM[status]
    if status == 200:
        return "OK"
    if status == 507:
        return "UNKNOWN_RESPONSE_CODE"
    return HTTPStatus(status).name


def standard_phrase(status: int) -> str:
    """As the RFC calls it."""
    return HTTPStatus(status).phrase


class Port:
    """A listening server; derive and say what `handle` does."""

    def __init__(self, name: str, profile: Profile, record: Record, faults: Faults, clock: Any, *, mhd: bool) -> None:
        self.name = name
        self.profile = profile
        self.record = record
        self.faults = faults
        self.clock = clock
        self.skew = 0.0
        self.mhd = mhd
        self.drains = mhd
        self.closes = False
        self.fixed: Headers = [("Server", f"XrootD/{profile.xrootd}")]
        self.connections: set[Connection] = set()
        self.tls: Any = None
        """What makes TLS of connections (`twisted.internet.ssl.CertificateOptions`), None for plain ones."""
        self._port: IListeningPort | None = None
        self.number = 0

    @property
    def phrases(self) -> Callable[[int], str]:
        """What a status is called on this port."""
        return standard_phrase if self.mhd else enum_phrase

    def listen(self, reactor: Any, number: int = 0) -> None:
        """Listen on loopback; on the same port as before after a `stop`."""
        factory: Any = Listener(self)
        if self.tls is not None:
            factory = TLSMemoryBIOFactory(self.tls, False, factory)
        self._port = reactor.listenTCP(number or self.number, factory, interface="127.0.0.1", backlog=500)
        self.number = self._port.getHost().port  # type: ignore[union-attr]

    async def stop(self) -> None:
        """Stop listening and cut all connections."""
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()  # type: ignore[misc]
        for connection in list(self.connections):
            connection.abort()

    @property
    def listening(self) -> bool:
        """Whether anybody can connect."""
        return self._port is not None

    @property
    def host(self) -> str:
        """`127.0.0.1:<port>`."""
        return f"127.0.0.1:{self.number}"

    @property
    def url(self) -> str:
        """`http[s]://127.0.0.1:<port>`."""
        return f"{'http' if self.tls is None else 'https'}://{self.host}"

    def garbage(self, head: bytes, smuggled: bool) -> None:
        """Something came that is no request."""
        what = "leftover bytes of a body" if smuggled else "not a request"
        self.record.violated(f"{self.name}: {what}: {head!r}")

    def broken(self, failure: BaseException) -> None:
        """The double itself is at fault."""
        self.record.violated(f"{self.name}: the double failed: " + "".join(traceback.format_exception(failure)))

    async def serve(self, request: Request) -> None:
        """Note the request, have its fault happen, answer."""
        path, query = path_of(request.target), request.target.partition("?")[2]
        one = Exchange(self.name, request.method, request.target, path, query, request.headers, request.smuggled)
        self.record.exchanges.append(one)
        try:
            self.note(request, one)
            fault = self.faults.take(one)
            if fault is not None and await self._happen(fault, request):
                return
            # Seen of libmicrohttpd (section 3.1 item 15).
            if self.mhd and request.method == "PUT":
                request.lies = request.connection.close_after = True
            await self.handle(request, one, fault or Fault())
            one.done = not request.lose
        finally:
            one.status, one.received, one.sent = request.status, request.received, request.sent

    async def _happen(self, fault: Fault, request: Request) -> bool:
        if fault.delay:
            await request.connection.pause(fault.delay)
        if fault.hang:
            await request.connection.until_lost()
        if fault.drop:
            raise Lost("dropped")
        request.lose, request.cut_received, request.cut_sent, request.rate = fault.lose, fault.receive, fault.send, fault.rate
        request.lies = fault.close
        request.connection.close_after = request.connection.close_after or fault.close
        status = 501 if fault.stall else fault.status
        if status:
            body = b"Unexpected result from file open" if fault.stall and self.profile.errors != "none" else fault.body
            await request.answer(status, [("Content-Type", "text/html"), *fault.headers.items()], body)
        return bool(status)

    def note(self, request: Request, one: Exchange) -> None:
        """Look at a request before anything happens."""

    async def handle(self, request: Request, one: Exchange, fault: Fault) -> None:
        """Answer a request."""
        raise NotImplementedError
