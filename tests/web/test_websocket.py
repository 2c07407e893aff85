"""Websockets on a real server: frames both ways, their bounds, and the connection that they are on."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_twisted
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from clawgate.web.request import Request
from clawgate.web.response import Response
from clawgate.web.websocket import NORMAL, Socket, acceptance, refusal

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def echo(request: Request) -> Response:
    """Says again what it hears, until it hears ``bye``."""
    refused = refusal(request)
    if refused is not None:
        return refused
    socket = Socket(request, 1000)

    async def stream() -> AsyncGenerator[bytes, None]:
        while (heard := await socket.receive()) is not None and heard != "bye":
            yield socket.text(heard)
        socket.close(NORMAL)
        yield socket.parting

    response = acceptance(request)
    response.body = body = stream()
    response.close = body.aclose
    return response


class Peer:
    """The other side, on a `Client`."""

    def __init__(self, client: Any, together: bytes = b"") -> None:
        self.client = client
        self.connection = Connection(ConnectionType.CLIENT)
        client.send(HANDSHAKE + together)
        self.status, self.headers = client.head()
        self.events: list[Any] = []

    def say(self, event: Any) -> None:
        self.client.send(self.connection.send(event))

    def hear(self) -> Any:
        while not self.events:
            if not self.client.rest and not self.client.more():
                return None
            data, self.client.rest = self.client.rest, b""
            self.connection.receive_data(data)
            self.events += self.connection.events()
        return self.events.pop(0)


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")  # Twisted's own way with certificates
@pytest.mark.parametrize("tls", [False, True])
@pytest_twisted.ensureDeferred
async def test_messages_both_ways(serve: Any, tls: bool) -> None:
    server = await serve(echo, tls=tls, alpn=("http/1.1",) if tls else ())

    def talk(client: Any) -> None:
        # The first message comes with the handshake.
        early = Connection(ConnectionType.CLIENT).send(TextMessage(data="early"))
        peer = Peer(client, early)
        assert peer.status == 101
        assert (peer.headers["upgrade"], peer.headers["connection"]) == ("websocket", "Upgrade")
        assert peer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert not {"content-length", "transfer-encoding"} & peer.headers.keys()
        assert peer.hear() == TextMessage(data="early")
        peer.say(Ping(payload=b"p"))
        assert peer.hear() == Pong(payload=b"p")
        peer.say(TextMessage(data="in ", message_finished=False))
        peer.say(Ping(payload=b"between"))
        peer.say(TextMessage(data="parts", message_finished=True))
        assert peer.hear() == Pong(payload=b"between")
        assert peer.hear() == TextMessage(data="in parts")
        for number in range(200):
            peer.say(TextMessage(data=f"ä{number}"))
        for number in range(200):
            assert peer.hear() == TextMessage(data=f"ä{number}")
        peer.say(TextMessage(data="bye"))
        assert isinstance(peer.hear(), CloseConnection)
        peer.say(CloseConnection(code=1000))
        assert client.closed()

    await server.talk(talk)
    assert server.site.running == 0


@pytest_twisted.ensureDeferred
async def test_messages_in_pieces_have_a_bound_too(serve: Any) -> None:
    server = await serve(echo)

    def talk(client: Any) -> None:
        peer = Peer(client)
        for _ in range(11):
            peer.say(TextMessage(data="x" * 100, message_finished=False))
        assert peer.hear().code == 1009
        assert client.closed()

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_pieces_without_content_have_a_bound_too(serve: Any) -> None:
    server = await serve(echo)

    def talk(client: Any) -> None:
        peer = Peer(client)
        for _ in range(1001):
            peer.say(TextMessage(data="", message_finished=False))
        assert peer.hear().code == 1009
        assert client.closed()

    await server.talk(talk)


@pytest.mark.parametrize("field", [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Expect: 100-continue"])
@pytest_twisted.ensureDeferred
async def test_a_handshake_has_no_body(serve: Any, field: bytes) -> None:
    """It would go on counting among those that share the memory for bodies."""
    server = await serve(echo)

    def talk(client: Any) -> None:
        client.send(HANDSHAKE[:-2] + field + b"\r\n\r\n")
        assert client.head()[0] == 400

    await server.talk(talk)
    assert server.site.windows.active == 0


@pytest_twisted.ensureDeferred
async def test_silence_is_no_reason_to_end_it(serve: Any) -> None:
    """A request whose body does not come is given up after this time."""
    server = await serve(echo, idle_timeout=1.0)

    def talk(client: Any) -> None:
        peer = Peer(client)
        peer.say(TextMessage(data="1"))
        assert peer.hear() == TextMessage(data="1")
        time.sleep(2.5)
        peer.say(TextMessage(data="2"))
        assert peer.hear() == TextMessage(data="2")

    await server.talk(talk)


@pytest_twisted.ensureDeferred
async def test_connections_that_break_off(serve: Any, until: Any) -> None:
    server = await serve(echo)

    def talk(client: Any) -> None:
        assert Peer(client, b"\x81").status == 101

    await server.talk(talk)
    await until(lambda: server.site.running == 0)


def test_not_on_http2() -> None:
    class Other:
        verb, http_version = "GET", "2"

        def header(self, name: str) -> str:
            return {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13"}.get(name, "")

    other: Any = Other()
    refused = refusal(other)
    assert refused is not None and refused.status == 426
