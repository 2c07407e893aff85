"""What the name of a chunk says: every client names its chunks in another way (clients.md 3.3, 3.4). Pure."""

from __future__ import annotations

import re

import attrs

from ...errors import InvalidRequest, LengthMismatch
from ...gateway.uploads.layout import Chunk
from ...model.path import check_name

_RANGE = re.compile(r"(\d{15,16})-(\d{15,16})\Z", re.ASCII)
_NUMBER = re.compile(r"\d{1,16}\Z", re.ASCII)
_BYTES = re.compile(r"\d{1,19}\Z", re.ASCII)
_OFFSET_DIGITS = 16
_EXACT_DIGITS = 15
_V1 = re.compile(r"(.+)-chunking-(\d+)-(\d{1,18})-(\d{1,18})\Z", re.ASCII | re.DOTALL)


def ng_chunk(name: str, offset: str | None, length: int | None, most: int) -> Chunk:
    """What chunking NG says of the chunk `name`: `offset` is its ``OC-Chunk-Offset``, `length` that of the body if it is known.

    rclone names chunks ``from-to`` with 15 digits, the ownCloud desktop by the offset with 16 digits; Nextcloud's clients and the
    Android apps count from 0 or 1, up to `most`, and only the desktop tells the offset then.
    Raises `InvalidRequest`, `LengthMismatch` for a body that does not have the length that the name says.
    """
    start: int | None = None
    if offset is not None:
        if not _BYTES.match(offset.strip()):
            raise InvalidRequest("OC-Chunk-Offset must be a number of bytes")
        start = int(offset)
    if match := _RANGE.match(name):
        return _range(name, int(match[1]), int(match[2]), start, length, exact=len(match[1]) == _EXACT_DIGITS)
    if not _NUMBER.match(name):
        raise InvalidRequest("a chunk is called by a number")
    if start is not None:
        return Chunk(name, length, start)
    if len(name) == _OFFSET_DIGITS:
        return Chunk(name, length, int(name))
    if int(name) > most:
        raise InvalidRequest(f"chunks are counted up to {most}")
    return Chunk(name, length, index=int(name))


def _range(name: str, start: int, last: int, offset: int | None, length: int | None, *, exact: bool) -> Chunk:
    stated = last + 1 - start
    # The Nextcloud app of 2019, with 16 digits, names one byte too many for the last chunk.
    if stated < 1 or (length is not None and (length > stated or (exact and length < stated))):
        raise LengthMismatch(f"a chunk from byte {start} to {last} has {stated} bytes")
    if offset is not None and offset != start:
        raise InvalidRequest("name and OC-Chunk-Offset of the chunk contradict each other")
    return Chunk(name, stated if exact else length, start)


@attrs.frozen
class V1Name:
    """A name in chunking v1."""

    name: str
    """Of the file."""
    transfer: str
    """The client's number for the upload."""
    count: int
    """Of the chunks."""
    index: int
    """Of this one, from 0 on."""


def v1_name(name: str, most: int) -> V1Name:
    """The parts of ``NAME-chunking-TRANSFER-COUNT-INDEX``. Raises `InvalidRequest`, also for more than `most` chunks."""
    match = _V1.match(name)
    if match is None:
        raise InvalidRequest("with OC-Chunked a name must end in -chunking-TRANSFER-COUNT-INDEX")
    file, transfer, count, index = match[1], match[2], int(match[3]), int(match[4])
    if not 1 <= count <= most:
        raise InvalidRequest(f"an upload may have 1 to {most} chunks, not {count}")
    if index >= count:
        raise InvalidRequest(f"the last of {count} chunks has the number {count - 1}, not {index}")
    return V1Name(check_name(file), transfer, count, index)
