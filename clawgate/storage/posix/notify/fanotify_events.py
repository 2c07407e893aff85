"""What read(2) gives of a fanotify descriptor, taken apart (`fanotify_calls.init` says which kind)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from .fanotify_calls import ATTRIB, CLOSE_WRITE, MODIFY, MOVED_FROM, MOVED_TO, ONDIR, OVERFLOW

FSID_BYTES = 8
NOBODY = -1
"""No process has this id."""

_VERSION = 3
_HEAD = struct.Struct("=IBBHQii")
"""struct fanotify_event_metadata: length, version, reserved, length of this head, mask, descriptor, process id."""
_INFO = struct.Struct("=BxH")
"""struct fanotify_event_info_header: type, padding, length with this header."""
_HANDLE_LENGTH = struct.Struct("=I")
_HANDLE_AT = _INFO.size + FSID_BYTES
_HANDLE_HEAD = 8
_FOLDER_AND_NAME, _FOLDER = 2, 3
"""FAN_EVENT_INFO_TYPE_DFID_NAME, FAN_EVENT_INFO_TYPE_DFID."""
_SAME = ATTRIB | MODIFY | CLOSE_WRITE
"""What happens to a folder without moving it."""


class Batch(NamedTuple):
    """What some events come to."""

    touched: dict[bytes, dict[bytes, bool]]
    """By file system id and ``struct file_handle`` of a folder, in one: names in it, and whether a folder of that name came,
    went or was replaced. The name ``.`` is the folder itself."""
    events: int
    lost: bool
    """Some events are missing."""
    moved: bool
    """Some folder on the file system has another path now."""


def parse(blocks: Iterable[bytes], own: int = NOBODY) -> Batch:
    """Gather what the events in `blocks` say, but not that of process `own`. What cannot be understood counts as lost; kinds of
    information that are not asked for are passed over."""
    touched: dict[bytes, dict[bytes, bool]] = {}
    events = 0
    lost = moved = False
    for data in blocks:
        size = len(data)
        offset = 0
        while offset < size:
            if size - offset < _HEAD.size:
                lost = True
                break
            length, version, _, head, mask, _, pid = _HEAD.unpack_from(data, offset)
            end = offset + length
            if version != _VERSION or not _HEAD.size <= head <= length or end > size:
                lost = True
                break
            events += 1
            if mask & OVERFLOW:
                lost = True
            elif mask & ONDIR and mask & (MOVED_FROM | MOVED_TO):
                moved = True
            if pid != own and not _gather(touched, data, offset + head, end, bool(mask & ONDIR and mask & ~(_SAME | ONDIR))):
                lost = True
            offset = end
    return Batch(touched, events, lost, moved)


def _gather(touched: dict[bytes, dict[bytes, bool]], data: bytes, start: int, end: int, deep: bool) -> bool:
    """Enter what the information records from `start` to `end` tell; False if they make no sense."""
    while start < end:
        if end - start < _INFO.size:
            return False
        kind, length = _INFO.unpack_from(data, start)
        stop = start + length
        if length < _INFO.size or stop > end:
            return False
        if kind in (_FOLDER_AND_NAME, _FOLDER):
            if length < _HANDLE_AT + _HANDLE_HEAD:
                return False
            name_at = start + _HANDLE_AT + _HANDLE_HEAD + _HANDLE_LENGTH.unpack_from(data, start + _HANDLE_AT)[0]
            if name_at > stop:
                return False
            name = b"."
            if kind == _FOLDER_AND_NAME:
                name = data[name_at:stop].partition(b"\0")[0]
                if not name:
                    return False
            names = touched.setdefault(data[start + _INFO.size : name_at], {})
            if deep or name not in names:
                names[name] = deep
        start = stop
    return True
