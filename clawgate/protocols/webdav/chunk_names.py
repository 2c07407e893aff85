"""Where a chunk of a chunking-NG upload belongs: every client names its chunks in another way (clients.md 3.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import InvalidRequest
from ...model.upload import Part

_RANGE = re.compile(r"(\d{15})-(\d{15})\Z")
_NUMBER = re.compile(r"\d{1,18}\Z")
_OFFSET_DIGITS = 16


def start_of(name: str, offset: str | None, parts: Sequence[Part]) -> int:
    """The byte at which the chunk called `name` begins; `offset` is its ``OC-Chunk-Offset`` header, `parts` what is there.

    rclone names chunks ``from-to`` with 15 digits, the ownCloud desktop by the offset with 16 digits; Nextcloud's and the Android
    apps count, and only the desktop tells the offset then: without it chunks must come one after the other.
    Raises `InvalidRequest`.
    """
    if offset is not None:
        if not _NUMBER.match(offset.strip()):
            raise InvalidRequest("OC-Chunk-Offset must be a number of bytes")
        return int(offset)
    if match := _RANGE.match(name):
        return int(match[1])
    if not _NUMBER.match(name):
        raise InvalidRequest("a chunk is called by a number")
    if len(name) == _OFFSET_DIGITS:
        return int(name)
    return _following(int(name), parts)


def _following(index: int, parts: Sequence[Part]) -> int:
    known = {int(part.name): part for part in parts if _NUMBER.match(part.name)}
    if index in known:
        return known[index].start
    if not known and index in (0, 1):
        return 0
    if index - 1 in known:
        return known[index - 1].stop
    raise InvalidRequest("chunks without an offset must come one after the other")
