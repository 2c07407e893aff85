"""A client that sends what it is told and hides nothing; it blocks, so that tests use it in threads."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import attrs
import pytest_twisted
from twisted.internet.threads import deferToThread


@attrs.frozen
class Answer:
    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    interim: tuple[str, ...] = ()
    """Heads of the answers before, such as 100."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Cut(Exception):
    """The connection ended in the middle of an answer; `so_far` is what came of its body."""

    def __init__(self, so_far: bytes = b"") -> None:
        super().__init__(so_far)
        self.so_far = so_far


class Connection:
    def __init__(self, url: str, timeout: float = 20) -> None:
        self.host = urlsplit(url).netloc
        name, _, port = self.host.partition(":")
        self.socket = socket.create_connection((name, int(port)), timeout=timeout)
        self.rest = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        lines = [
            f"{method} {target} HTTP/1.1",
            f"Host: {self.host}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body)

    def answer(self, method: str = "GET") -> Answer:
        interim: list[str] = []
        while True:
            head = self._until(b"\r\n\r\n").decode("utf-8", "surrogateescape")
            first, *lines = head.split("\r\n")
            _, status, phrase = [*first.split(" ", 2), ""][:3]
            if status != "100":
                break
            interim.append(head)
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        answer = Answer(int(status), phrase, headers, b"", tuple(interim))
        if method == "HEAD" or status in ("204", "304"):
            return answer
        if answer.header("Transfer-Encoding") == "chunked":
            return attrs.evolve(answer, body=self._chunks())
        return attrs.evolve(answer, body=self._exactly(int(answer.header("Content-Length") or 0)))

    def ask(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        self.send(method, target, headers, body)
        return self.answer(method)

    def ended(self) -> bool:
        """Whether the other side closes without another byte; waits for it."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _more(self) -> None:
        try:
            some = self.socket.recv(65536)
        except ConnectionResetError:
            some = b""
        if not some:
            raise Cut(self.rest)
        self.rest += some

    def _until(self, end: bytes) -> bytes:
        while end not in self.rest:
            self._more()
        found, _, self.rest = self.rest.partition(end)
        return found

    def _exactly(self, length: int) -> bytes:
        parts, self.rest = [self.rest], b""
        while (left := length - sum(map(len, parts))) > 0:
            try:
                some = self.socket.recv(min(left, 1 << 20))
            except ConnectionResetError:
                some = b""
            if not some:
                raise Cut(b"".join(parts))
            parts.append(some)
        found = b"".join(parts)
        self.rest = found[length:]
        return found[:length]

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self._until(b"\r\n"), 16):
            found += self._exactly(size)
            self._until(b"\r\n")
        self._until(b"\r\n")
        return found


def ask(url: str, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    """One request on a connection of its own."""
    with Connection(url) as connection:
        return connection.ask(method, target, headers, body)


def sendable(location: str) -> tuple[str, str]:
    """The server and the target of a `Location` whose path may not be encoded: only what no request line takes is escaped."""
    head, _, rest = location.partition("://")
    host, _, path_and_query = rest.partition("/")
    # A path that is not encoded may have a question mark of its own.
    mark = "?encURI=" if "?encURI=" in path_and_query else "?"
    path, _, query = path_and_query.rpartition(mark) if mark in path_and_query else (path_and_query, "", "")
    query = mark[1:] + query
    safe = "".join(
        one if one.isascii() and one not in ' #"<>\\^`{|}?\t' else quote(one, errors="surrogateescape") for one in path
    )
    return f"{head}://{host}", f"/{safe}" + (f"?{query}" if query else "")


def follow(location: str, method: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    """Go where a redirect leads."""
    url, target = sendable(location)
    return ask(url, method, target, headers, body)


def threaded(test: Callable[..., None]) -> Any:
    """A test whose client blocks, while what it talks to runs in the reactor of this process."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> Any:
        yield deferToThread(test, *arguments, **named)

    return pytest_twisted.inlineCallbacks(run)
