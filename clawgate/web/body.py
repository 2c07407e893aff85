"""Request bodies as they come: bounded, with back-pressure, never complete unless all bytes are there."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Protocol

from twisted.internet.defer import Deferred

from ..errors import ClawgateError, InvalidRequest, TooLarge
from .head import Fields

SMALLEST_WINDOW = 65536
_JOIN_BELOW = 262144
_NO_TRAILERS: Mapping[str, list[str]] = MappingProxyType({})


class Windows:
    """The memory that all bodies share: each gets a part of `total` bytes, at most `each`, at least 64 KiB."""

    __slots__ = ("active", "each", "total")

    def __init__(self, each: int, total: int) -> None:
        self.each = each
        self.total = total
        self.active = 0
        """Bodies that are being received."""

    @property
    def size(self) -> int:
        """Bytes that one body may hold now."""
        return max(SMALLEST_WINDOW, min(self.each, self.total // (self.active or 1)))


class Source(Protocol):
    """The connection's side of a body that is still on its way."""

    def body_wanted(self, block: int) -> None:
        """The handler waits for the body for the first time: ask the client for it if it waits to be asked (``Expect``).

        `block` is the number of bytes to read at once at most.
        """

    def pause_body(self) -> None:
        """No more bytes for now."""

    def resume_body(self, block: int) -> None:
        """Go on, `block` bytes at once at most. Bytes may be fed before this returns."""

    def seconds(self) -> float:
        """The clock."""


class RequestBody(AsyncIterator[bytes]):
    """The content of a request, to be iterated once.

    The reader is slower: the window fills, then the client is paused. What the reader was given last counts as held until it asks
    for more. Raises `Disconnected` if the client vanished or was too slow, `InvalidRequest` for broken framing, `TooLarge` above
    the largest allowed size; in none of these cases the iteration ends as if it were complete.
    """

    __slots__ = (
        "_buffered",
        "_chunks",
        "_dropped",
        "_enrolled",
        "_error",
        "_held",
        "_limit",
        "_paused",
        "_source",
        "_waiter",
        "_wanted",
        "_windows",
        "complete",
        "length",
        "received",
        "silent_since",
        "trailers",
    )

    def __init__(self, length: int | None, source: Source, windows: Windows, limit: int = 0) -> None:
        """`limit` is the greatest number of bytes to accept; 0: any."""
        self.length = length
        """Announced bytes; None if the client did not say."""
        self.received = 0
        """Bytes that have come so far."""
        self.complete = False
        """All bytes are here, read or not."""
        self.silent_since = 0.0
        """While `waiting`: since when nothing came, in the clock's seconds."""
        self.trailers: Mapping[str, list[str]] = _NO_TRAILERS
        """Fields that followed the content, by lower-case name, once it has been read to the end. Nothing of them is believed
        unless somebody asked for it (RFC 9110 section 6.5.1)."""
        self._source = source
        self._windows = windows
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._held = 0
        self._paused = False
        self._wanted = False
        self._dropped = False
        self._enrolled = False
        self._error: ClawgateError | None = None
        self._waiter: Deferred[bytes | None] | None = None

    # The reader's side

    @property
    def waiting(self) -> bool:
        """Somebody waits for bytes from the client at this moment."""
        return self._waiter is not None

    def __aiter__(self) -> RequestBody:
        return self

    async def __anext__(self) -> bytes:
        self._held = 0
        chunks = self._chunks
        if chunks:
            if len(chunks) == 1 or len(chunks[0]) >= _JOIN_BELOW:
                data = chunks.popleft()
            else:
                data = b"".join(chunks)
                chunks.clear()
            self._held = len(data)
            self._buffered -= len(data)
            if self._paused and self._error is None:
                self._maybe_resume()
            return data
        if self._error is not None:
            raise self._error
        if self.complete:
            self.close()
            raise StopAsyncIteration
        waiter: Deferred[bytes | None] = Deferred()
        self._waiter = waiter
        self.silent_since = self._source.seconds()
        if not self._wanted:
            self._wanted = True
            self._source.body_wanted(self._block())
        if self._paused:
            self._maybe_resume()
        received = await waiter
        if received is None:
            self.close()
            raise StopAsyncIteration
        return received

    async def read_all(self, limit: int) -> bytes:
        """The whole body. Raises `TooLarge` if it has more than `limit` bytes (at once if its length is known), and what
        iterating raises."""
        if (self.length or self.received) > limit:
            raise TooLarge(f"the request body may have at most {limit} bytes")
        if self.complete and self._error is None and len(self._chunks) <= 1:
            self._buffered = 0
            return self._chunks.popleft() if self._chunks else b""
        parts = []
        total = 0
        async for data in self:
            total += len(data)
            if total > limit:
                raise TooLarge(f"the request body may have at most {limit} bytes")
            parts.append(data)
        return b"".join(parts)

    # The connection's side

    def enroll(self) -> None:
        """Count among the bodies that share the windows until `close`."""
        if not self._enrolled:
            self._enrolled = True
            self._windows.active += 1

    def close(self) -> None:
        """Nobody reads any more; buffered bytes are let go."""
        if self._enrolled:
            self._enrolled = False
            self._windows.active -= 1
        self._chunks.clear()
        self._buffered = self._held = 0

    def drop(self) -> None:
        """Throw away whatever still comes."""
        self._dropped = True
        self.close()
        if self._paused:
            self._paused = False
            self._source.resume_body(SMALLEST_WINDOW)

    def feed(self, data: bytes) -> None:
        """Bytes have come; `data` is not empty."""
        self.received += len(data)
        if self._dropped or self._error is not None:
            return
        if self._limit and self.received > self._limit:
            self.fail(TooLarge(f"the request body may have at most {self._limit} bytes"))
            return
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            self._held = len(data)
            waiter.callback(data)
            # The reader may have gone as far as to finish the request.
            if self._held and not self._paused and not self.complete and not self._dropped:
                self._maybe_pause()
            return
        self._chunks.append(data)
        self._buffered += len(data)
        if not self._paused:
            self._maybe_pause()

    def end(self, trailers: Fields | None = None) -> None:
        """All bytes have come, and the fields that follow them."""
        if self._error is not None:
            return
        if trailers:
            self.trailers = trailers
        if self.length is not None and self.received != self.length and not self._dropped:
            self.fail(InvalidRequest("the body is not as long as announced"))
            return
        self.complete = True
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            waiter.callback(None)

    def fail(self, error: ClawgateError) -> None:
        """No more bytes will come and the body is not complete. What has come can still be read: an upload goes on behind it."""
        if self.complete or self._error is not None:
            return
        self._error = error
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            waiter.errback(error)

    def _block(self) -> int:
        return max(SMALLEST_WINDOW, self._windows.size // 2)

    def _maybe_pause(self) -> None:
        window = self._windows.size
        if self._held + self._buffered + max(SMALLEST_WINDOW, window // 2) > window:
            self._paused = True
            self._source.pause_body()

    def _maybe_resume(self) -> None:
        window = self._windows.size
        block = max(SMALLEST_WINDOW, window // 2)
        if not self._held + self._buffered or self._held + self._buffered + block <= window:
            self._paused = False
            if not self.complete and not self._dropped:
                self._source.resume_body(block)


class _NoSource:
    def body_wanted(self, block: int) -> None:
        pass

    def pause_body(self) -> None:
        pass

    def resume_body(self, block: int) -> None:
        pass

    def seconds(self) -> float:
        return 0.0


_NO_SOURCE = _NoSource()
_NO_WINDOWS = Windows(SMALLEST_WINDOW, SMALLEST_WINDOW)


def whole(data: bytes) -> RequestBody:
    """A body that is already there."""
    body = RequestBody(len(data), _NO_SOURCE, _NO_WINDOWS)
    if data:
        body._chunks.append(data)
        body._buffered = len(data)
    body.received = len(data)
    body.complete = True
    return body


EMPTY = whole(b"")
"""The body of every request without one."""
