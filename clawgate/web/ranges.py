"""Byte ranges (RFC 9110 section 14): the Range header, Content-Range, and bodies with several ranges."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

from ..errors import RangeNotSatisfiable
from ..interfaces import Reader

Range = tuple[int, int]
"""First byte and the one after the last."""

_SPEC = re.compile(r"(?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})?|-(?P<suffix>[0-9]{1,19})")


def parse(value: str | None, size: int, limit: int = 16) -> list[Range] | None:
    """The ranges of a file of `size` bytes that a Range header asks for; None: send it whole.

    Ignored, as the RFC allows or demands, are other units than bytes, malformed values, and more than `limit` ranges. Ranges
    that overlap or touch are joined (then all come in ascending order). Raises `RangeNotSatisfiable` if none lies within the
    file.
    """
    if value is None:
        return None
    unit, equals, specs = value.partition("=")
    if not equals or unit.strip(" \t").lower() != "bytes":
        return None
    found: list[Range] = []
    count = 0
    for spec in specs.split(","):
        spec = spec.strip(" \t")
        if not spec:
            continue
        count += 1
        match = _SPEC.fullmatch(spec)
        if match is None or count > limit:
            return None
        if match["suffix"] is not None:
            length = int(match["suffix"])
            if length and not size:
                return None
            start, stop = max(0, size - length), size
        else:
            start = int(match["first"])
            stop = size
            if match["last"] is not None:
                last = int(match["last"])
                if last < start:
                    return None
                stop = min(size, last + 1)
        if start < stop:
            found.append((start, stop))
    if not count:
        return None
    if not found:
        raise RangeNotSatisfiable(size)
    return _joined(found)


def _joined(ranges: list[Range]) -> list[Range]:
    ordered = sorted(ranges)
    joined = [ordered[0]]
    for start, stop in ordered[1:]:
        if start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return ranges if len(joined) == len(ranges) else joined


def content_range(start: int, stop: int, size: int) -> bytes:
    """The value of Content-Range for the bytes from `start` up to (not including) `stop`."""
    return b"bytes %d-%d/%d" % (start, stop - 1, size)


class Multipart:
    """A ``multipart/byteranges`` body whose exact length is known before the first byte (RFC 9110 section 14.6)."""

    __slots__ = ("_heads", "_ranges", "_tail", "content_type", "length")

    def __init__(self, ranges: Sequence[Range], size: int, content_type: bytes, boundary: bytes) -> None:
        """`content_type` is that of the file; `boundary` must not occur in it (random is safe enough)."""
        self.content_type = b"multipart/byteranges; boundary=" + boundary
        self._ranges = ranges
        self._heads = [
            b"%s--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n"
            % (b"\r\n" if number else b"", boundary, content_type, content_range(start, stop, size))
            for number, (start, stop) in enumerate(ranges)
        ]
        self._tail = b"\r\n--" + boundary + b"--\r\n"
        self.length = sum(map(len, self._heads)) + sum(stop - start for start, stop in ranges) + len(self._tail)
        """Bytes of the whole body."""

    async def stream(self, reader: Reader) -> AsyncIterator[bytes]:
        """The body, with content from `reader`."""
        for head, (start, stop) in zip(self._heads, self._ranges, strict=True):
            yield head
            async for data in reader.stream(start, stop):
                yield data
        yield self._tail
