"""The chunked transfer encoding of request bodies (RFC 9112 section 7.1)."""

from __future__ import annotations

import re

from ..errors import InvalidRequest
from .head import BadHead, Fields, add_field, lower_name

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t -~\x80-\xff]*)?")
_LINE_MAX = 1024
TRAILERS_MAX = 16384
"""Bytes of trailers that are taken."""


class ChunkedDecoder:
    """Takes the encoded bytes as they come and gives the content.

    Chunk extensions are checked for size and thrown away.
    """

    __slots__ = ("_buffer", "_left", "_trailers", "finished", "rest", "trailers")

    def __init__(self) -> None:
        self._buffer = b""
        self._left = -1  # content bytes of the present chunk still to come; -1: a size line comes, -2: the CRLF after a chunk
        self._trailers = -1  # bytes of trailers seen; -1: not there yet
        self.trailers: Fields = {}
        """The fields behind the last chunk, once `finished`."""
        self.finished = False
        """The last chunk and the trailers were read."""
        self.rest = b""
        """What followed the body."""

    def feed(self, data: bytes) -> bytes:
        """The content that `data` brings, joined. Raises `InvalidRequest`; after that and once `finished`, it must not be
        called."""
        if self._left > len(data) and not self._buffer:
            self._left -= len(data)
            return data
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        found: list[bytes] = []
        at = 0
        while not self.finished:
            left = self._left
            if left > 0:
                piece = data[at : at + left]
                if piece:
                    found.append(piece)
                at += len(piece)
                self._left = left - len(piece) or -2
                if at >= len(data):
                    break
            elif left == -2:
                if len(data) - at < 2:
                    if data[at:] not in (b"", b"\r"):
                        raise InvalidRequest("broken chunked encoding: a chunk is longer than announced")
                    self._buffer = data[at:]
                    break
                if data[at : at + 2] != b"\r\n":
                    raise InvalidRequest("broken chunked encoding: a chunk is longer than announced")
                at += 2
                self._left = -1
            else:
                end = data.find(b"\r\n", at, at + (_LINE_MAX if self._trailers < 0 else TRAILERS_MAX) + 2)
                if end < 0:
                    if len(data) - at > (_LINE_MAX if self._trailers < 0 else TRAILERS_MAX):
                        raise InvalidRequest("broken chunked encoding: a line is too long")
                    self._buffer = data[at:]
                    break
                self._line(data[at:end])
                at = end + 2
        if self.finished:
            self.rest = data[at:]
        return found[0] if len(found) == 1 else b"".join(found)

    def _line(self, line: bytes) -> None:
        if self._trailers >= 0:
            self._trailers += len(line) + 2
            if self._trailers > TRAILERS_MAX:
                raise InvalidRequest("broken chunked encoding: too many trailers")
            self.finished = not line
            if line:
                self._trailer(line.decode("latin-1"))
            return
        size = _SIZE.fullmatch(line)
        if size is None:
            raise InvalidRequest("broken chunked encoding: no chunk size")
        self._left = int(size[1], 16) or -1
        if self._left < 0:
            self._trailers = 0

    def _trailer(self, line: str) -> None:
        name, colon, value = line.partition(":")
        try:
            lower = lower_name(name)
        except BadHead as error:
            raise InvalidRequest(f"broken chunked encoding: {error}") from None
        if not colon or "\r" in value or "\n" in value or "\0" in value:
            raise InvalidRequest("broken chunked encoding: a trailer has no colon, or a stray CR, LF or NUL")
        add_field(self.trailers, lower, value.strip(" \t"))
