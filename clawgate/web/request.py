"""The one request class: handed to a handler when its headers are in, whatever the HTTP version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IAddress
from twisted.web import server

from ..model.people import Actor
from .body import RequestBody
from .head import Fields
from .proxies import Origin, valid_host

if TYPE_CHECKING:
    from .carrier import Carrier
    from .response import Response

_sane_id = re.compile(r"[A-Za-z0-9._:+/=-]{1,64}").fullmatch


class Request(server.Request):
    """A request whose headers have arrived; the body follows through `body`.

    It is a ``twisted.web`` request by descent only, so that Klein resources can be given it; the initialiser of that class runs
    in `KleinHandler`, and nothing that it sets exists before. The connection is in `carrier`.
    """

    defaultContentType = None

    def __init__(self, carrier: Carrier, verb: str, target: bytes, version: str, fields: Fields, started: float) -> None:
        """`target` is path and query as on the wire, `started` the clock's seconds."""
        self.carrier = carrier
        self.verb = verb
        """The method, e.g. ``PROPFIND``; X-HTTP-Method-Override is not applied."""
        self.raw_path: bytes
        """The path as on the wire, without the query."""
        self.query: bytes
        """What follows the ``?``, as on the wire."""
        self.raw_path, _, self.query = target.partition(b"?")
        self.http_version = version
        """``1.0``, ``1.1`` or ``2``."""
        self.fields = fields
        """Header values by lower-case name."""
        self.body: RequestBody
        self.actor: Actor | None = None
        """Set by whoever authenticates; shown in the access log."""
        self.route = ""
        """A name for metrics, one of few; set by the router."""
        self.started = started
        self.status = 0
        """Of the answer; 0 before it is sent."""
        self.sent = 0
        """Bytes of the answer's body handed to the connection."""
        self.disconnected = False
        """The client is gone: nothing that is sent will be read."""
        self.verdict: Response | None = None
        """An answer that replaces the handler's: the connection has judged (too slow, for instance)."""
        given = fields.get("x-request-id")
        self.id: str = given[0] if given is not None and _sane_id(given[0]) else carrier.site.next_id()
        """Answered as X-Request-ID; the client's own if it sent a sane one."""
        self._origin: Origin | None = None

    def header(self, name: str) -> str | None:
        """The first value of a header, as Latin-1 text; `name` in lower case."""
        values = self.fields.get(name)
        return values[0] if values is not None else None

    def headers_all(self, name: str) -> list[str]:
        """All values of a header, one a line; `name` in lower case. Lists that matter to conditions and proxies come joined."""
        return self.fields.get(name, [])

    @property
    def origin(self) -> Origin:
        """Client and host after trusted proxies."""
        origin = self._origin
        if origin is None:
            carrier = self.carrier
            host = valid_host(self.header("host")) or carrier.site.default_host
            origin = self._origin = carrier.site.proxies.origin(carrier.peer, carrier.secure, host, self.header)
        return origin

    @property
    def client_ip(self) -> str:
        """The client's address, ``unix`` for a local socket."""
        carrier = self.carrier
        return self.origin.client_ip if carrier.site.proxies.any else carrier.peer

    @property
    def secure(self) -> bool:
        """The client speaks https, to us or to a trusted proxy."""
        return self.origin.secure

    @property
    def host(self) -> str:
        """Host and port by which the client calls us."""
        return self.origin.host

    @host.setter
    def host(self, address: IAddress) -> None:
        # The initialiser of twisted.web stores the local address under this name.
        self._address = address

    @property
    def base_url(self) -> str:
        """``scheme://host[:port]`` without a slash at the end: the setting ``http.public_url``, else as the client calls us."""
        public = self.carrier.site.public_url
        if public:
            return public
        origin = self.origin
        return f"https://{origin.host}" if origin.secure else f"http://{origin.host}"

    @property
    def range_limit(self) -> int:
        """How many byte ranges one request may ask for (``http.ranges``)."""
        return self.carrier.site.ranges

    def getHost(self) -> IAddress:
        """The local address, for ``twisted.web`` resources."""
        return self._address

    def isSecure(self) -> bool:
        """The same as `secure`, for ``twisted.web`` resources."""
        return self.secure

    def process(self) -> None:
        """Nothing: whoever prepares the request for ``twisted.web`` renders the resource then."""

    def __repr__(self) -> str:
        return f"<Request {self.id} {self.verb} {self.raw_path!r} HTTP/{self.http_version}>"
