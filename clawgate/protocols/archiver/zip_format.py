"""ZIP as bytes (PKWARE's APPNOTE.TXT 6.3.10): stored, not compressed, sizes and checksums after the content.

Names are UTF-8 (flag bit 11); ZIP64 records stand where sizes, offsets or counts need them, and only there; times are kept to the
second in the extra field 0x5455 of Info-ZIP, because those of DOS have neither a zone nor odd seconds.
"""

from __future__ import annotations

import struct
import time
from typing import NamedTuple

_UTF8 = 0x0800
_AFTER = 0x0008
"""Sizes and checksum follow the content."""
_UNIX = 3 << 8
_PLAIN, _ZIP64 = 20, 45
"""The versions of the format that a reader must know."""
_FULL, _MANY = 0xFFFFFFFF, 0xFFFF
"""Stand where a number is written elsewhere, in 64 bits."""
LIMIT, COUNT_LIMIT = _FULL, _MANY
"""From here on numbers are."""
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR = struct.Struct("<4sLQL")


class Entry(NamedTuple):
    """A file or folder in the archive."""

    name: bytes
    """UTF-8; of folders with a slash at the end."""
    mtime: int
    """Seconds since 1970."""
    size: int
    """As announced when its header was written."""
    folder: bool

    @property
    def large(self) -> bool:
        """Whether 32 bits do not hold the size."""
        return self.size >= LIMIT


def entry(name: str, mtime_ns: int, size: int, folder: bool) -> Entry:
    """The entry of a file or folder called `name`."""
    return Entry(f"{name}/".encode() if folder else name.encode(), mtime_ns // 1_000_000_000, 0 if folder else size, folder)


def header(entry: Entry) -> bytes:
    """What comes before the content."""
    # With zeros in it: the real sizes follow the content, in 64 bits if this field is there.
    extra = _times(entry) + (struct.pack("<HHQQ", 1, 16, 0, 0) if entry.large else b"")
    sizes = (_FULL, _FULL) if entry.large else (0, 0)
    version = _ZIP64 if entry.large else _PLAIN
    lengths = (len(entry.name), len(extra))
    fixed = _LOCAL.pack(b"PK\3\4", version, _flags(entry), 0, *_dos(entry.mtime), 0, *sizes, *lengths)
    return fixed + entry.name + extra


def footer(entry: Entry, crc: int) -> bytes:
    """What comes after the content of a file."""
    return struct.pack("<4sLQQ" if entry.large else "<4sLLL", b"PK\7\x08", crc, entry.size, entry.size)


def listed(entry: Entry, crc: int, offset: int) -> bytes:
    """The entry in the directory at the end; `offset` is where its header is."""
    big = ([entry.size, entry.size] if entry.large else []) + ([offset] if offset >= LIMIT else [])
    extra = _times(entry) + (struct.pack(f"<HH{len(big)}Q", 1, 8 * len(big), *big) if big else b"")
    version = _ZIP64 if big else _PLAIN
    size = _FULL if entry.large else entry.size
    mode = (0o40755 << 16 | 0x10) if entry.folder else 0o100644 << 16
    fixed = _CENTRAL.pack(
        b"PK\1\2",
        _UNIX | version,
        version,
        _flags(entry),
        0,
        *_dos(entry.mtime),
        crc,
        size,
        size,
        len(entry.name),
        len(extra),
        0,
        0,
        0,
        mode,
        offset if offset < LIMIT else _FULL,
    )
    return fixed + entry.name + extra


def end(count: int, start: int, length: int) -> bytes:
    """What comes after the directory of `count` entries, `length` bytes from `start` on."""
    records = b""
    if count >= COUNT_LIMIT or start >= LIMIT or length >= LIMIT:
        records = _END64.pack(b"PK\6\6", 44, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, length, start)
        records += _LOCATOR.pack(b"PK\6\7", 0, start + length, 1)
    few = count if count < COUNT_LIMIT else _MANY
    length, start = (number if number < LIMIT else _FULL for number in (length, start))
    return records + _END.pack(b"PK\5\6", 0, 0, few, few, length, start, 0)


def _flags(entry: Entry) -> int:
    return _UTF8 if entry.folder else _UTF8 | _AFTER


def _dos(mtime: int) -> tuple[int, int]:
    """Time and date in UTC, as near as they can be told."""
    when = time.gmtime(min(max(mtime, 315532800), 4354819198))
    return when.tm_hour << 11 | when.tm_min << 5 | when.tm_sec // 2, (when.tm_year - 1980) << 9 | when.tm_mon << 5 | when.tm_mday


def _times(entry: Entry) -> bytes:
    if not -0x80000000 <= entry.mtime <= 0x7FFFFFFF:
        return b""
    return struct.pack("<HHBl", 0x5455, 5, 1, entry.mtime)
