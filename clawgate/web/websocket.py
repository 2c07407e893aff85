"""WebSockets (RFC 6455) on HTTP/1.1: the handshake, and one connection's messages. Text only, no extensions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..errors import Disconnected
from .request import Request
from .response import SWITCHING, Response

if TYPE_CHECKING:
    from wsproto.connection import Connection

_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
"""16 bytes in Base64."""
NORMAL, GOING_AWAY, UNSUPPORTED, POLICY, TOO_LARGE, TRY_LATER = 1000, 1001, 1003, 1008, 1009, 1013
"""Why a connection is closed (RFC 6455 section 7.4.1)."""


def refusal(request: Request) -> Response | None:
    """The answer to what is no handshake; None: it is one."""
    upgrade = {token.strip().lower() for token in (request.header("upgrade") or "").split(",")}
    connection = {token.strip().lower() for token in (request.header("connection") or "").split(",")}
    text, need = (b"Content-Type", b"text/plain; charset=utf-8"), (b"Upgrade", b"websocket")
    if request.verb != "GET" or request.http_version != "1.1" or "websocket" not in upgrade or "upgrade" not in connection:
        return Response(426, [text, need], b"this address is for websockets on HTTP/1.1\n")
    if (request.header("sec-websocket-version") or "").strip() != "13":
        return Response(426, [text, need, (b"Sec-WebSocket-Version", b"13")], b"only version 13 is known\n")
    if (request.header("content-length") or "0") != "0" or any(request.header(name) for name in ("transfer-encoding", "expect")):
        # It would be taken for frames.
        return Response(400, [text], b"a handshake has no body\n")
    if not _KEY.fullmatch(request.header("sec-websocket-key") or ""):
        return Response(400, [text], b"the handshake has no valid key\n")
    return None


def acceptance(request: Request) -> Response:
    """The answer to a handshake; its body are the frames that are sent."""
    from wsproto.utilities import generate_accept_token

    token = generate_accept_token((request.header("sec-websocket-key") or "").encode())
    return Response(SWITCHING, [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"), (b"Sec-WebSocket-Accept", token)])


class Socket:
    """One connection after its handshake. Frames to send come from the methods; whoever has the answer's body sends them."""

    def __init__(self, request: Request, most: int) -> None:
        """Messages may have `most` bytes."""
        from wsproto.connection import Connection, ConnectionType

        self._request = request
        self._most = most
        self._connection: Connection = Connection(ConnectionType.SERVER)
        self._events: Any = iter(())
        self._closed = False
        self.unanswered = False
        """The other side has not said anything since `ping`."""
        self.parting = b""
        """What is to be sent last."""

    async def receive(self) -> str | None:
        """The next message; None at the end, also if it is one that breaks the rules. Pings are answered."""
        from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
        from wsproto.utilities import RemoteProtocolError

        parts: list[str] = []
        size = 0
        while not self._closed:
            try:
                for event in self._events:
                    self.unanswered = False
                    if isinstance(event, Ping):
                        self._answer(self._connection.send(event.response()))
                        if self._closed:
                            return None
                    elif isinstance(event, TextMessage):
                        # Pieces without content are kept, too.
                        size += max(1, len(event.data.encode()))
                        if size > self._most:
                            self.close(TOO_LARGE)
                            return None
                        parts.append(event.data)
                        if event.message_finished:
                            return "".join(parts)
                    elif isinstance(event, BytesMessage):
                        self.close(UNSUPPORTED)
                        return None
                    elif isinstance(event, CloseConnection):
                        self.close(int(event.code) if event.code < 5000 else NORMAL)
                        return None
                data = await anext(self._request.body)
                self._connection.receive_data(data)
                self._events = self._connection.events()
            except (Disconnected, StopAsyncIteration):
                self._closed = True
            except RemoteProtocolError:
                self.close(POLICY)
        return None

    def text(self, message: str) -> bytes:
        """The frame of a message."""
        from wsproto.events import TextMessage

        return b"" if self._closed else self._connection.send(TextMessage(data=message))

    def ping(self) -> bytes:
        """The frame of a question whether somebody is there."""
        from wsproto.events import Ping

        self.unanswered = True
        return b"" if self._closed else self._connection.send(Ping())

    def close(self, code: int) -> None:
        """End it; what is to be sent for that is `parting`."""
        from wsproto.events import CloseConnection
        from wsproto.utilities import LocalProtocolError

        if self._closed:
            return
        self._closed = True
        try:
            self.parting = self._connection.send(CloseConnection(code=code))
        except (LocalProtocolError, ValueError):
            # The other side has closed it with a code that cannot be sent back.
            self.parting = b""

    @property
    def closed(self) -> bool:
        """Nothing is received any more."""
        return self._closed

    def _answer(self, frame: bytes) -> None:
        carrier = self._request.carrier
        if carrier.blocked:
            # Whoever asks and asks, and takes no answers, has to go.
            self._closed = True
        else:
            carrier.send(frame)
