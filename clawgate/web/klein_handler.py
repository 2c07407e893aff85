"""Klein applications, and any other ``twisted.web`` resource, as handlers."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.web import server
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource

from .request import Request
from .response import Response

_OURS = frozenset((b"Content-Length", b"Transfer-Encoding", b"Connection", b"Date", b"X-Request-Id"))
"""Headers that are added when the answer is sent."""


class KleinHandler:
    """Lets a resource answer, in particular ``app.resource()`` of a Klein application.

    The whole body is read first. The resource gets the `Request` itself (so ``request.actor``, ``request.base_url`` and the
    like are there) with everything on it that ``twisted.web`` knows: ``args``, ``content``, ``getHeader`` ... The answer is
    collected and then sent as a whole; the resource is not told when the client disconnects, so that what it has begun is not
    cancelled half-way.
    """

    def __init__(self, resource: IResource, limit: int) -> None:
        """`limit`: bytes of the largest body, above `TooLarge`."""
        self._resource = resource
        self._limit = limit

    async def __call__(self, request: Request) -> Response:
        """Answer `request`. Raises `TooLarge` and `Disconnected`."""
        content = await request.body.read_all(self._limit)
        collector = _Collector(request)
        web: Any = server.Request
        web.__init__(request, collector, queued=False, parsePOSTFormSubmission=True)
        request.site = collector  # type: ignore[assignment]
        headers = request.requestHeaders
        for name, values in request.fields.items():
            headers.setRawHeaders(name.encode("latin-1"), [value.encode("latin-1") for value in values])
        web.parseCookies(request)
        request.content = BytesIO()
        request.content.write(content)
        target = request.raw_path + b"?" + request.query if request.query else request.raw_path
        # HTTP/1.0 keeps twisted.web from framing the body by itself. requestReceived ends in `Request.process`.
        web.requestReceived(request, request.verb.encode("latin-1"), target, b"HTTP/1.0")
        if not collector.failed:
            request.prepath = []
            request.postpath = [unquote_to_bytes(part) for part in request.raw_path[1:].split(b"/")]
            web.render(request, self._resource)
        return await collector.response


class _Collector:
    """What ``twisted.web`` takes for the channel and the site of a request: makes a `Response` of what is written."""

    displayTracebacks = False
    factory = None
    transport = None

    def __init__(self, request: Request) -> None:
        self.response: Deferred[Response] = Deferred()
        self.failed = False
        self._request = request
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._secure = request.secure

    def getPeer(self) -> IAddress:
        """The client's address as far as proxies are trusted."""
        ip = self._request.client_ip
        return IPv6Address("TCP", ip, 0) if ":" in ip else IPv4Address("TCP", ip, 0)

    def getHost(self) -> IAddress:
        """Where the client calls us; Klein compares the port with the scheme's."""
        host, _, port = self._request.host.rpartition(":")
        if not port.isdigit() or not host:
            host, port = self._request.host, "443" if self._secure else "80"
        return IPv4Address("TCP", host, int(port))

    def isSecure(self) -> bool:
        """The client speaks https."""
        return self._secure

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """The head of the answer."""
        self._status = int(code)
        self._headers = [(name, value) for name, values in headers.getAllRawHeaders() if name not in _OURS for value in values]

    def write(self, data: bytes) -> None:
        """Some of the body."""
        self._parts.append(data)

    def writeSequence(self, parts: Iterable[bytes]) -> None:
        """Some of the body."""
        self._parts.extend(parts)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Take everything at once; what a producer does not need is nobody's loss."""
        if not streaming:
            # Such a one waits to be asked for each piece: for content, which does not come this way.
            raise TypeError("content is streamed by a Response, not by a resource behind KleinHandler")

    def unregisterProducer(self) -> None:
        """The producer is done."""

    def requestDone(self, request: Request) -> None:
        """The answer is complete."""
        self.response.callback(Response(self._status, self._headers, b"".join(self._parts)))

    def loseConnection(self) -> None:
        """Not the resource's business."""

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.failed = True
        self.response.callback(Response(400, [(b"Content-Type", b"text/plain")], b"the form cannot be read\n"))
