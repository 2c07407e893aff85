"""Where the body of an HTTP/1 request comes from: where it ends, and what its reader asks of the connection."""

from __future__ import annotations

from collections.abc import Callable

from .chunked import ChunkedDecoder
from .head import Fields
from .inlet import Inlet
from .outlet import Outlet

_ENDLESS = 1 << 62
"""Bytes that nobody sends in all eternity: the length of what follows an upgrade."""


class BodySource:
    """What is still to come of one body, see `Source`; made only if it did not come whole with the head of its request.

    The channel gives it bytes with `decode` and feeds the body with what that returns.
    """

    __slots__ = ("_decoder", "_inlet", "_left", "_open", "_outlet", "_seconds", "endless", "expects", "rest", "trailers")

    def __init__(
        self,
        seconds: Callable[[], float],
        inlet: Inlet,
        outlet: Outlet,
        length: int | None,
        *,
        expects: bool = False,
        endless: bool = False,
    ) -> None:
        """`seconds` is the clock; `length` in bytes, None: chunked."""
        self._seconds = seconds
        self._inlet = inlet
        self._outlet = outlet
        self._decoder = ChunkedDecoder() if length is None and not endless else None
        self._left = _ENDLESS if endless else length or 0
        self._open = True
        self.expects = expects
        """The client waits to be told to go on (``Expect: 100-continue``)."""
        self.endless = endless
        """It is what follows an upgrade: bytes go both ways until one side ends it."""
        self.rest: bytes | None = None
        """What followed the body, once all of it was decoded; None before."""
        self.trailers: Fields | None = None
        """The fields that followed it, if it was chunked, at the same time."""

    def decode(self, data: bytes) -> bytes:
        """The content that `data` brings; nothing is decoded any more once there is a `rest`. Raises `InvalidRequest`."""
        decoder = self._decoder
        if decoder is None:
            left = self._left
            if len(data) < left:
                self._left = left - len(data)
                return data
            self._left = 0
            self.rest = data[left:]
            self._open = False
            return data[:left] if self.rest else data
        data = decoder.feed(data)
        if decoder.finished:
            self.rest = decoder.rest
            self.trailers = decoder.trailers
            self._decoder = None
            self._open = False
        return data

    def costly(self, limit: int) -> bool:
        """Whether what the client still has to send is not worth waiting for: it has not begun, or more than `limit` bytes are
        announced."""
        return self.expects or self._left > limit

    def close(self) -> None:
        """Nobody reads what still comes."""
        self._open = False

    # What the body asks for

    def body_wanted(self, block: int) -> None:
        """The handler wants the body."""
        if self.expects:
            self.expects = False
            self._outlet.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._left > block or self._decoder is not None:
            self._inlet.block(block)

    def pause_body(self) -> None:
        """The window is full."""
        self._inlet.pause()

    def resume_body(self, block: int) -> None:
        """There is room again."""
        if self._open:
            self._inlet.block(block)
        self._inlet.resume()

    def seconds(self) -> float:
        """The clock."""
        return self._seconds()
