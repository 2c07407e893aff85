"""What a handler answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from http import HTTPStatus

import attrs

from ..interfaces import Reader

BODYLESS = frozenset((204, 304))
"""Statuses whose answers never have a body (RFC 9110 section 6.4.1); 1xx are never answers of a handler."""

SWITCHING = 101
"""The one interim status that is an answer: another protocol follows on the connection (RFC 9110 section 15.2.2)."""

PHRASES: dict[int, bytes] = {int(status): status.phrase.encode() for status in HTTPStatus} | {460: b"Checksum Mismatch"}


@lru_cache(256)
def status_line(status: int, minor: int) -> bytes:
    """The first line of an HTTP/1.`minor` answer."""
    return b"HTTP/1.%d %03d %s\r\n" % (minor, status, PHRASES.get(status, b"Unknown"))


@attrs.define
class FileBody:
    """The bytes from `start` up to (not including) `stop` of an opened file.

    Sent by the kernel where connection and storage allow it. Whoever makes it closes the reader, through `Response.close`.
    """

    reader: Reader
    start: int
    stop: int


@attrs.define
class Response:
    """An answer: status, headers and body.

    ``Date``, ``Content-Length``, ``Transfer-Encoding``, ``Connection`` and ``X-Request-ID`` are added when it is sent and must
    not be among `headers`. A HEAD request is answered with the same response as GET; its body is not touched.
    """

    status: int
    """`SWITCHING`, on HTTP/1.1 only: then the bytes of `body` are what is sent afterwards, and what the client sends is the body
    of the request, until the iterator ends."""
    headers: list[tuple[bytes, bytes]] = attrs.field(factory=list)
    body: bytes | AsyncIterator[bytes] | FileBody = b""
    length: int | None = None
    """Bytes of the body; needed only for an iterator, or for an empty body that stands for a longer one (HEAD). If an iterator
    gives another number of bytes, the connection is cut."""
    close: Callable[[], Awaitable[None]] | None = None
    """Awaited exactly once at the end: after success, failure or disconnect."""
