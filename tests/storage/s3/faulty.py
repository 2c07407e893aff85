"""A way to an S3 service on which things go wrong, as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import attrs

_HEAD = 65536


@attrs.define
class Fault:
    """What happens to the next `times` requests whose first line and headers `matches` finds."""

    matches: Callable[[str], bool]
    times: int = 1
    status: int = 0
    """Answer with this and `code`, and do not ask the service."""
    code: str = ""
    request_bytes: int = -1
    """Cut the connection after so many bytes of the request's body."""
    answer_bytes: int = -1
    """Cut it after so many bytes of the answer."""
    release: threading.Event | None = None
    """Keep the request until then, and bring it to the service whether or not anybody still waits for the answer."""
    kept: threading.Event = attrs.field(factory=threading.Event)
    """Set once all of it is here."""
    brought: threading.Event = attrs.field(factory=threading.Event)
    """Set once the service has answered."""
    met: int = 0


class Way:
    """Listens on a port of its own; one request a connection."""

    def __init__(self, endpoint: str) -> None:
        self._to = ("127.0.0.1", int(endpoint.rpartition(":")[2]))
        self._listening = socket.create_server(("127.0.0.1", 0))
        # What is sent and never read has to stay a small part of what a test sends.
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 10)
        self.endpoint = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def fault(self, *words: str, **how: object) -> Fault:
        """The next requests in whose head all `words` occur."""
        fault = Fault(lambda head: all(word in head for word in words), **how)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and len(head) < _HEAD:
                data = client.recv(65536)
                if not data:
                    return
                head += data
            first, _, rest = head.partition(b"\r\n\r\n")
            text = first.decode("latin-1")
            self.requests.append(text.partition("\r\n")[0])
            fault = next((one for one in self.faults if one.met < one.times and one.matches(text)), None)
            if fault is not None:
                fault.met += 1
                if fault.status:
                    self._answer(client, fault)
                    return
                if fault.release is not None:
                    self._keep(client, first, rest, fault)
                    return
            with socket.create_connection(self._to) as server:
                server.sendall(_last(first))
                most = fault.request_bytes if fault is not None else -1
                up = threading.Thread(target=self._up, args=(client, server, rest, most), daemon=True)
                up.start()
                self._relay(server, client, fault.answer_bytes if fault is not None else -1)
                for one in (client, server):
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
                up.join(10)

    def _answer(self, client: socket.socket, fault: Fault) -> None:
        body = f"<Error><Code>{fault.code}</Code><Message>as told</Message></Error>".encode()
        client.sendall(f"HTTP/1.1 {fault.status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass

    def _keep(self, client: socket.socket, first: bytes, body: bytes, fault: Fault) -> None:
        length = next(line for line in first.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < int(length.partition(b":")[2]):
            data = client.recv(65536)
            if not data:
                return
            body += data
        fault.kept.set()
        assert fault.release is not None
        fault.release.wait()
        with socket.create_connection(self._to) as server:
            server.sendall(_last(first) + body)
            answer = b"".join(iter(lambda: server.recv(65536), b""))
        fault.brought.set()
        client.sendall(answer)

    def _up(self, client: socket.socket, server: socket.socket, rest: bytes, most: int) -> None:
        with suppress(OSError):
            if most >= 0:
                rest = rest[:most]
                most -= len(rest)
            server.sendall(rest)
            self._relay(client, server, most)
            if most >= 0:
                for one in (client, server):
                    one.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _relay(source: socket.socket, target: socket.socket, most: int) -> None:
        left = most
        while left:
            data = source.recv(65536 if left < 0 else min(left, 65536))
            if not data:
                return
            target.sendall(data)
            left -= len(data) if left > 0 else 0


def _last(head: bytes) -> bytes:
    """The head of a request, as the last one of its connection."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n"
