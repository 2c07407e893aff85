"""A request: its head, the way to its body, and the way to its answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

import attrs

CHUNK = 65536

Headers = list[tuple[str, str]]


class Channel(Protocol):
    """What a request needs of its connection."""

    async def take(self, most: int) -> bytes:
        """Some bytes of a body, at least one."""

    async def take_once(self, most: int) -> bytes:
        """Up to so many bytes, after waiting once if fewer are there."""

    async def line(self) -> bytes:
        """One line without its end."""

    async def flush(self) -> None:
        """Wait while the other side does not take what was sent."""

    async def pause(self, seconds: float) -> None:
        """Wait."""

    async def until_lost(self) -> None:
        """Wait until the other side has gone."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def send_head(self, request: Request, status: int, headers: Headers, length: int | None) -> None:
        """Write the head of an answer."""

    close_after: bool
    """Whether the connection ends with this request's answer."""


class Lost(Exception):
    """The other side is gone, or was cut off."""


class Ended(Lost):
    """The connection is to end when what was written is out."""


@attrs.define(eq=False)
class Request:
    """A request's head, and the way to its body and to its answer."""

    method: str
    target: str
    headers: Headers
    connection: Channel
    smuggled: bool = False
    received: int = 0
    """Bytes of the body that were taken so far."""
    sent: int = 0
    status: int = 0
    complete: bool = False
    """Whether all of the body was taken."""
    begun: bool = False
    lose: bool = False
    """Do not let the answer out."""
    cut_received: int | None = None
    cut_sent: int | None = None
    rate: float = 0.0
    """Bytes a second of bodies, both ways; 0: as fast as they come."""
    lies: bool = False
    """Say Keep-Alive, and close nevertheless."""

    def header(self, name: str) -> str | None:
        """The last value of a header."""
        return next((value for key, value in reversed(self.headers) if key == name), None)

    @property
    def length(self) -> int | None:
        """The announced length of the body, None if there is none (no body, or chunked)."""
        value = self.header("content-length")
        return int(value) if value is not None and value.isdigit() else None

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return "chunked" in (self.header("transfer-encoding") or "").lower()

    @property
    def has_body(self) -> bool:
        """Whether any byte of a body was announced."""
        return self.chunked or bool(self.length)

    async def body(self) -> AsyncIterator[bytes]:
        """The body; raises Lost when the connection ends before it."""
        if self.header("expect") and not self.begun:
            self.connection.write(b"HTTP/1.1 100 Continue\r\nConnection: Close\r\n\r\n")
        source = self._chunks() if self.chunked else self._counted(self.length or 0)
        async for some in source:
            self.received += len(some)
            if self.rate:
                await self.connection.pause(len(some) / self.rate)
            if self.cut_received is not None and self.received >= self.cut_received:
                raise Lost("cut while the body came")
            yield some
        self.complete = True

    async def whole_body(self, most: int = 1 << 20) -> bytes:
        """A small body; what is beyond `most` is dropped."""
        found = b""
        async for some in self.body():
            found = (found + some)[:most]
        return found

    async def arrived_body(self) -> bytes:
        """What of the body is there, or comes with the next bytes if it is not there as a whole; nothing of one in chunks."""
        some = await self.connection.take_once(self.length) if self.length else b""
        self.received = len(some)
        self.complete = not self.chunked and self.received == (self.length or 0)
        return some

    async def _counted(self, left: int) -> AsyncIterator[bytes]:
        step = CHUNK if not self.rate else max(1, min(CHUNK, int(self.rate / 20)))
        while left:
            some = await self.connection.take(min(left, step))
            left -= len(some)
            yield some

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            size = int((await self.connection.line()).split(b";")[0], 16)
            if not size:
                while await self.connection.line():
                    pass
                return
            async for some in self._counted(size):
                yield some
            await self.connection.line()

    def begin(self, status: int, headers: Iterable[tuple[str, str]] = (), length: int | None = 0) -> None:
        """Send the head of the answer; a `length` of None means chunks."""
        self.status, self.begun = status, True
        self.connection.send_head(self, status, list(headers), length)

    async def send(self, data: bytes) -> None:
        """Send some of the body, and wait while the other side does not take it."""
        if self.cut_sent is not None and self.sent + len(data) >= self.cut_sent:
            self.connection.write(data[: self.cut_sent - self.sent])
            self.sent = self.cut_sent
            raise Ended("cut while the answer went")
        self.sent += len(data)
        if not self.lose:
            self.connection.write(data)
        if self.rate:
            await self.connection.pause(len(data) / self.rate)
        await self.connection.flush()

    async def answer(self, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> None:
        """Send a whole answer; a HEAD gets the head of it, with the length given in `headers` if there is one."""
        headers = list(headers)
        if self.method == "HEAD":
            given = next((int(value) for name, value in headers if name == "Content-Length"), len(body))
            self.begin(status, [one for one in headers if one[0] != "Content-Length"], given)
            return
        self.begin(status, headers, len(body))
        if body:
            await self.send(body)


def parsed(head: bytes, connection: Channel, smuggled: bool) -> Request | None:
    """The request that a head is, None if it is none."""
    first, *lines = head.decode("utf-8", "surrogateescape").lstrip("\r\n").split("\r\n")
    # A target may hold spaces, if somebody repeats a Location that is not encoded.
    found = re.fullmatch(r"([A-Z]+) (.+) HTTP/1\.[01]", first)
    if found is None:
        return None
    headers: Headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        headers.append((name.strip().lower(), value.strip()))
    return Request(found[1], found[2], headers, connection, smuggled)
