"""A load generator that costs little: keep-alive sockets, requests made beforehand, answers counted and thrown away."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple

BUFFER = bytearray(1 << 20)
VIEW = memoryview(BUFFER)


class Answer(NamedTuple):
    status: int
    first_byte: float
    """Seconds from the request to the first byte of the body."""
    seconds: float
    size: int
    """Bytes of the body."""
    head: bytes
    """Status line and headers."""

    def header(self, name: str) -> str:
        """The value of a header; empty if it is not there."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode()
        return ""


class Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self.socket.close()

    def ask(self, request: bytes, *, file: int | None = None, offset: int = 0, size: int = 0) -> Answer:
        """Send `request`, with `size` bytes of descriptor `file` from byte `offset` on as its body; read the whole answer."""
        start = time.perf_counter()
        self.socket.sendall(request)
        end = offset + size
        while file is not None and offset < end:
            try:
                offset += os.sendfile(self.socket.fileno(), file, offset, min(end - offset, 8 << 20))
            except ConnectionError:
                # It has been refused: the answer says why.
                break
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._some()
        head, _, body = head.partition(b"\r\n\r\n")
        lower = head.lower()
        status = int(head[9:12])
        first_byte = time.perf_counter() - start if body else 0.0
        got = len(body)
        if b"\r\ntransfer-encoding: chunked" in lower:
            tail = body
            while not (tail.endswith(b"\r\n0\r\n\r\n") or tail == b"0\r\n\r\n"):
                count = self.socket.recv_into(VIEW)
                if not count:
                    raise ConnectionError("answer cut off")
                first_byte = first_byte or time.perf_counter() - start
                got += count
                tail = bytes(VIEW[count - 7 : count]) if count >= 7 else (tail + bytes(VIEW[:count]))[-7:]
        elif b"content-length:" in lower:
            length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
            while got < length:
                # MSG_TRUNC: the kernel throws the bytes away instead of copying them.
                count = self.socket.recv_into(VIEW, min(len(BUFFER), length - got), socket.MSG_TRUNC if got else 0)
                if not count:
                    raise ConnectionError("answer cut off")
                first_byte = first_byte or time.perf_counter() - start
                got += count
        return Answer(status, first_byte, time.perf_counter() - start, got, head)

    def _some(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("connection closed instead of an answer")
        return data


def storm(port: int, requests: Sequence[bytes], connections: int) -> tuple[float, dict[int, int]]:
    """Send all `requests` over `connections` at once, one outstanding each; small answers only.

    Returns the seconds it took and how often each status came.
    """
    sockets = {}
    poll = select.epoll()
    waiting = list(reversed(requests))
    statuses: dict[int, int] = {}
    for _ in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[one.fileno()] = (one, bytearray())
        poll.register(one.fileno(), select.EPOLLIN)
    start = time.perf_counter()
    open_requests = 0
    for one, _ in sockets.values():
        if waiting:
            one.sendall(waiting.pop())
            open_requests += 1
    while open_requests:
        for fd, _ in poll.poll():
            one, got = sockets[fd]
            data = one.recv(65536)
            if not data:
                raise ConnectionError("connection closed instead of an answer")
            got += data
            if not complete(got):
                continue
            status = int(got[9:12])
            statuses[status] = statuses.get(status, 0) + 1
            got.clear()
            if waiting:
                one.sendall(waiting.pop())
            else:
                open_requests -= 1
    seconds = time.perf_counter() - start
    poll.close()
    for one, _ in sockets.values():
        one.close()
    return seconds, statuses


def complete(data: bytearray) -> bool:
    """Whether `data` is one whole answer."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(data[:end]).lower()
    if b"\r\ncontent-length:" in head:
        return len(data) >= end + 4 + int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
    if b"\r\ntransfer-encoding: chunked" in head:
        return data.endswith(b"0\r\n\r\n")
    return True
