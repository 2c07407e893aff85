"""The network of the other tests: it carries what is no HTTP any more, too."""

from __future__ import annotations

import socket

from .cutting_proxy import CuttingProxy

HANDSHAKE = b"GET /push/ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
FRAMES = b"\x81\x85\x14\xda\x83\x07u\xb6\xeadq\x81\x8e\xed\xfeix\x8c\x92\x00\x1b\x88\xd9\x1aX\x9e\x9b\n\n"
"""Of a client, whose mask happened to make the end of a header of it."""


def test_frames_of_a_websocket_pass_as_they_are() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, CuttingProxy(listener.getsockname()[1]) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as client:
            client.sendall(HANDSHAKE)
            server, _ = listener.accept()
            with server:
                server.settimeout(30)
                assert _exactly(server, len(HANDSHAKE)) == HANDSHAKE
                server.sendall(SWITCHED)
                assert _exactly(client, len(SWITCHED)) == SWITCHED
                client.sendall(FRAMES + b"more")  # no line ends here
                assert _exactly(server, len(FRAMES) + 4) == FRAMES + b"more"
                server.sendall(FRAMES + b"more")
                assert _exactly(client, len(FRAMES) + 4) == FRAMES + b"more"
        (exchange,) = proxy.exchanges
        assert (exchange.method, exchange.path, exchange.status) == ("GET", "/push/ws", 101)
        assert proxy.forwarded == 0


def _exactly(side: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := side.recv(count - len(data))):
        data += more
    return data
