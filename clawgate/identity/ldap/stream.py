"""A socket for one operation after another: each ends in time, and its answer is of bounded size."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress


class Stream:
    """What ldap3 takes for a socket. A time-out for every single `recv` would let a server that sends a byte now and then hold a
    thread for ever."""

    def __init__(self, plain: socket.socket, most: int) -> None:
        """`most`: bytes that one operation may receive."""
        self._socket = plain
        self._most = self._room = most
        self._until = 0.0
        self.trouble: OSError | None = None
        """Why the last operation did not work; ldap3 keeps the text at best."""

    def allow(self, seconds: float) -> None:
        """An operation begins, which must be over within `seconds`."""
        self._until = time.monotonic() + seconds
        self._room = self._most
        self.trouble = None

    def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Continue in TLS; the certificate must fit `host`, if the `context` cares. Raises `OSError`."""
        self._arm()
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes, none if the server closed. Raises `OSError`."""
        try:
            self._arm()
            data = self._socket.recv(size)
            self._room -= len(data)
            if self._room < 0:
                raise OSError(f"the answer has more than {self._most} bytes")
            return data
        except OSError as error:
            self.trouble = error
            raise

    def sendall(self, data: bytes) -> None:
        """Send all of `data`. Raises `OSError`."""
        try:
            self._arm()
            self._socket.sendall(data)
        except OSError as error:
            self.trouble = error
            raise

    def shutdown(self, how: int) -> None:
        """As of sockets."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Any number of times."""
        with suppress(OSError):
            self._socket.close()

    def _arm(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
