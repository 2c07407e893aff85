"""Names on disk are bytes, names on the wire are text.

Text that is UTF-8 on disk is shown as it is; nothing is normalised. Each byte that is not part of valid UTF-8 is shown as U+201B
and two upper-case hex digits (``caf\\xe9`` as ``caf\u201bE9``). A U+201B that really stands in a name and could be misread,
because such an escape or another U+201B follows, is doubled. So every name on disk has exactly one spelling, and back.
"""

from __future__ import annotations

import re

from ...errors import InvalidRequest
from ...model.path import ESCAPE, NAME_MAX

_MISREAD = re.compile("\u201b(?=\u201b|[89A-F][0-9A-F])")
_ESCAPE = re.compile("\u201b(?:(\u201b)|([89A-F][0-9A-F]))")


def to_text(raw: bytes) -> str:
    """The text that clients see for the name `raw`."""
    text = raw.decode("utf-8", "surrogateescape")
    if text.isascii() or (ESCAPE not in text and text.isprintable()):
        return text
    pieces: list[str] = []
    for index, char in enumerate(text):
        if "\udc80" <= char <= "\udcff":
            pieces.append(f"{ESCAPE}{ord(char) - 0xDC00:02X}")
        elif char == ESCAPE and _ambiguous(text, index + 1):
            pieces.append(ESCAPE * 2)
        else:
            pieces.append(char)
    return "".join(pieces)


def _ambiguous(text: str, index: int) -> bool:
    following = text[index : index + 2]
    return following[:1] == ESCAPE or "\udc80" <= following[:1] <= "\udcff" or _MISREAD.match(ESCAPE + following) is not None


def to_bytes(text: str) -> bytes:
    """The name on disk that clients see as `text`; raises `InvalidRequest` if there is none, or it is too long."""
    if ESCAPE not in text:
        raw = text.encode()
    else:
        raw = _ESCAPE.sub(_unescape, text).encode("utf-8", "surrogateescape")
        if to_text(raw) != text:
            raise InvalidRequest("a name must not contain U+201B in this place")
    if len(raw) > NAME_MAX:
        raise InvalidRequest(f"the name is {len(raw)} bytes long, at most {NAME_MAX} are possible")
    return raw


def _unescape(match: re.Match[str]) -> str:
    return ESCAPE if match[1] else chr(0xDC00 + int(match[2], 16))


def path_to_bytes(path: str) -> bytes:
    """As `to_bytes` for each segment of a path."""
    if "\0" in path:
        raise InvalidRequest("a name must not contain NUL")
    if len(path) <= NAME_MAX and path.isascii():
        return path.encode()
    return b"/".join([to_bytes(name) for name in path.split("/")])
