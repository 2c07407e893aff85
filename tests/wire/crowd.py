"""Many clients that wait for events, each on a connection of its own."""

from __future__ import annotations

import base64
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .gateway import USERS

PATH = "/ocs/v2.php/apps/notifications/api/v1/notifications/sse"
AT_ONCE = 50
"""Requests sent before their answers are awaited."""
PATIENCE = 120


class Crowd:
    """All of alice."""

    def __init__(self, port: int) -> None:
        login = base64.b64encode(f"alice:{USERS['alice']}".encode()).decode()
        self._head = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {login}\r\n\r\n".encode()
        self._port = port
        self._poll = select.epoll()
        self._all: dict[int, socket.socket] = {}

    def come(self, count: int) -> None:
        while count:
            new = [self._one() for _ in range(min(count, AT_ONCE))]
            count -= len(new)
            for one in new:
                assert one.recv(65536).startswith(b"HTTP/1.1 200")
                one.setblocking(False)
                self._all[one.fileno()] = one
                self._poll.register(one, select.EPOLLIN)

    def _one(self) -> socket.socket:
        # One address has some 28,000 ports.
        one = socket.create_connection(
            ("127.0.0.1", self._port), PATIENCE, source_address=(f"127.0.1.{len(self._all) // 10_000 + 1}", 0)
        )
        one.sendall(self._head)
        return one

    def hear(self, what: bytes) -> None:
        """Wait until each has heard it."""
        missing = dict.fromkeys(self._all, b"")
        """Of each the end of what came last: what is waited for may come in two pieces."""
        deadline = time.monotonic() + PATIENCE
        while missing:
            assert time.monotonic() < deadline, f"{len(missing)} of {len(self._all)} heard nothing"
            for descriptor, _ in self._poll.poll(5, 1000):
                heard = self._all[descriptor].recv(65536)
                assert heard, "a stream ended"
                if descriptor in missing:
                    heard = missing[descriptor] + heard
                    missing[descriptor] = heard[-len(what) :]
                    if what in heard:
                        del missing[descriptor]

    def close(self) -> None:
        self._poll.close()
        for one in self._all.values():
            one.close()


@contextmanager
def crowd(port: int, count: int) -> Iterator[Crowd]:
    found = Crowd(port)
    try:
        found.come(count)
        yield found
    finally:
        found.close()
