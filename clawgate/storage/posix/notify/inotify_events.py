"""What read(2) gives of an inotify descriptor, taken apart."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

MODIFY, ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x02, 0x04, 0x08, 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
UNMOUNT, OVERFLOW, IGNORED, ISDIR = 0x2000, 0x4000, 0x8000, 0x40000000
ONLYDIR, EXCL_UNLINK = 0x01000000, 0x04000000

_HEAD = struct.Struct("=iIII")
"""struct inotify_event: watch, mask, cookie, length of the name with its padding."""


class Event(NamedTuple):
    """One change."""

    watch: int
    mask: int
    name: bytes
    """The child; empty: the watched folder itself."""


def parse(blocks: Iterable[bytes]) -> tuple[list[Event], int, bool]:
    """The events in `blocks` in their order, though one that repeats the last one is left out; how many there were; and whether
    some are missing. What cannot be understood counts as missing."""
    events: list[Event] = []
    count = 0
    lost = False
    last = None
    for data in blocks:
        size = len(data)
        offset = 0
        while offset < size:
            if size - offset < _HEAD.size:
                lost = True
                break
            watch, mask, _, length = _HEAD.unpack_from(data, offset)
            offset += _HEAD.size
            if length > size - offset:
                lost = True
                break
            count += 1
            if mask & OVERFLOW:
                lost = True
            event = Event(watch, mask, data[offset : offset + length].partition(b"\0")[0])
            if event != last:
                events.append(event)
                last = event
            offset += length
    return events, count, lost
