"""A websocket as Nextcloud's programs use it."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, Pong, RejectConnection, Request, TextMessage


class Socket:
    """One connection, after its handshake."""

    def __init__(self, port: int, path: str = "/push/ws", receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(120)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.connection = WSConnection(ConnectionType.CLIENT)
        self.events: list[Event] = []
        self.said(Request(host=f"127.0.0.1:{port}", target=path))
        first = self.event()
        assert not isinstance(first, RejectConnection), first
        assert isinstance(first, AcceptConnection)

    def said(self, event: Any) -> None:
        self.socket.sendall(self.connection.send(event))

    def say(self, *messages: str) -> None:
        for message in messages:
            self.said(TextMessage(data=message))

    def event(self) -> Event | None:
        """The next one; None: the connection has ended without a farewell."""
        while not self.events:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.connection.receive_data(data)
            self.events += self.connection.events()
        return self.events.pop(0)

    def heard(self) -> str | None:
        """The next message, with pings answered; None: it has been closed."""
        while (event := self.event()) is not None:
            if isinstance(event, TextMessage):
                return str(event.data)
            if isinstance(event, Ping):
                self.said(event.response())
            if isinstance(event, CloseConnection):
                with contextlib.suppress(OSError):
                    self.said(event.response())
                return None
        return None

    def pinged(self, payload: bytes) -> bytes:
        """What comes back, if nothing else does before."""
        self.said(Ping(payload=payload))
        event = self.event()
        assert isinstance(event, Pong)
        return bytes(event.payload)

    def close(self) -> None:
        self.socket.close()
