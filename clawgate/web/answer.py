"""One answer on an HTTP/1 connection: its head, how its end is marked, and whether the connection lives on after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .carrier import Carrier, Headers
from .outlet import LARGE
from .patience import Output, Patience, Wait
from .refusals import too_slow
from .response import SWITCHING, status_line

if TYPE_CHECKING:
    from .body import RequestBody
    from .channel import Channel
    from .request import Request

_JOINED = 65536
"""Bytes of a first block that are copied to go with the head in one packet."""


class Answer(Carrier):
    """What a request on an HTTP/1 connection is answered with. The channel has one at a time and says what comes after it."""

    # Most answers need neither, so that they are not set one by one.
    _framed = False  # it is chunked
    _patience: Patience | None = None

    def __init__(self, channel: Channel, keep: bool) -> None:
        self.site = channel.site
        self.peer = channel.peer
        self.secure = channel.secure
        self.channel = channel
        self.can_bypass = channel.can_bypass
        self.keep = keep
        """Another request may follow on the connection."""
        self._outlet = channel.outlet

    @property
    def blocked(self) -> bool:
        """See `Carrier`."""
        return self._outlet.blocked

    def send_head(self, request: Request, status: int, headers: Headers, length: int | None, data: bytes, more: bool) -> None:
        """See `Carrier`."""
        site = self.site
        outlet = self._outlet
        minor = 1 if request.http_version == "1.1" else 0
        parts = [status_line(status, minor), site.date_line(), b"X-Request-ID: ", request.id.encode("latin-1"), b"\r\n"]
        for name, value in headers:
            parts.append(b"%b: %b\r\n" % (name, value))
        lines = 4 + len(headers)
        if self._framed:
            self._framed = False
        if length is not None:
            parts.append(b"Content-Length: %d\r\n" % length)
            lines += 1
        elif more and status != SWITCHING:
            if minor:
                self._framed = True
                parts.append(b"Transfer-Encoding: chunked\r\n")
                lines += 1
            else:
                self.keep = False
        if site.draining or self.channel.costly():
            self.keep = False
        if status == SWITCHING:
            # What is left is no HTTP any more; the answer says so itself.
            self.keep = False
        elif not self.keep:
            parts.append(b"Connection: close\r\n")
            lines += 1
        elif not minor:
            parts.append(b"Connection: keep-alive\r\n")
            lines += 1
        parts.append(b"\r\n")
        top = b"".join(parts)
        if top.count(b"\n") != lines or top.count(b"\r") != lines:
            raise ValueError("a response header contains a line break")
        if not data:
            outlet.write(top)
        elif self._framed:
            outlet.write(b"%b%x\r\n%b\r\n" % (top, len(data), data))
        elif len(data) <= _JOINED:
            outlet.write(top + data)
        else:
            outlet.write(top)
            outlet.write_large(data)
        if status == SWITCHING:
            self.channel.tunnel(request)
        elif more and length is not None and length > LARGE:
            outlet.widen()

    def send(self, data: bytes) -> None:
        """See `Carrier`."""
        if self._framed:
            self._outlet.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._outlet.write(data)

    def offer(self, data: bytes) -> int:
        """See `Carrier`."""
        return 0 if self._framed else self._outlet.offer(data)

    async def drained(self) -> None:
        """See `Carrier`."""
        if self._outlet.blocked:
            await self._outlet.wait()

    def finish(self) -> None:
        """See `Carrier`."""
        if self._framed:
            self._framed = False
            self._outlet.write(b"0\r\n\r\n")
        self.channel.answered(self.keep)

    def cut(self) -> None:
        """See `Carrier`."""
        self.channel.cut()

    def unsent(self) -> int:
        """See `Carrier`."""
        return self._outlet.unsent()

    async def descriptor(self) -> int:
        """See `Carrier`."""
        return await self._outlet.descriptor()

    async def writable(self, descriptor: int) -> None:
        """See `Carrier`."""
        await self._outlet.writable(descriptor)

    def check(self, request: Request, body: RequestBody | None, now: float) -> None:
        """Judge how long the client has kept `request` waiting. `body` is its body if it is still to come and has an end."""
        patience = self._patience
        if patience is None:
            patience = self._patience = Patience(now)
        room = self._outlet.room
        output = Output(room.since, request.sent - self.unsent()) if room.awaited else None
        late = patience.judge(now, body, output, self.site)
        if late is Wait.OUTPUT:
            self.site.refused(self.peer, 408)
            self.channel.abort()
        elif late is Wait.INPUT:
            self.keep = False
            too_slow(request)
