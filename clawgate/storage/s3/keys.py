"""Keys are paths, except where a key is no path.

Between two slashes a key may have what no path can: nothing at all, ``.`` or ``..``; and a file and a folder may have one name.
Such folders are shown under names that end in U+201B and ``2f``: the empty one as just that, the folder ``a/`` beside an object
``a`` as ``a‛2f``. The dots are shown as U+201B and ``2e``, once or twice. U+201B before one of these or ``e2`` is itself followed
by ``e2``. So every segment has one name, and back; nothing is renamed. Segments longer than 255 bytes are not shown.
"""

from __future__ import annotations

import re
from hashlib import sha256

from ...errors import InvalidRequest
from ...model.path import ESCAPE, NAME_MAX, Path, check_name
from .options import KEY_MAX

BESIDE = ESCAPE + "2f"
"""Ends the name of a folder that stands beside a file of the same name, or has none."""
HIDDEN = ".clawgate"
"""The folder in the root of a storage that holds what is not finished; nobody sees it."""
_DOT = ESCAPE + "2e"
_LITERAL = re.compile(ESCAPE + "(?=2f|2e|e2)")


def shown(segment: str, *, beside: bool = False) -> str | None:
    """The name of a segment of a key; `beside`: a folder's, beside a file. None: no path can hold it."""
    if segment in (".", ".."):
        name = _DOT * len(segment)
    else:
        name = _LITERAL.sub(ESCAPE + "e2", segment) if ESCAPE in segment else segment
        if not segment or beside:
            name += BESIDE
    if len(segment.encode("utf-8", "surrogatepass")) > NAME_MAX:
        return None
    try:
        return check_name(name)
    except InvalidRequest:
        return None


def meant(name: str) -> tuple[str, bool]:
    """The segment of a key behind `name`, and whether only a folder can be meant. Raises `InvalidRequest`."""
    check_name(name)
    if ESCAPE not in name:
        return name, False
    if name in (_DOT, _DOT * 2):
        return "." * (len(name) // len(_DOT)), False
    beside = name.endswith(BESIDE) and not name.endswith(ESCAPE + "e2" + BESIDE[1:])
    segment = (name[: -len(BESIDE)] if beside else name).replace(ESCAPE + "e2", ESCAPE)
    if len(segment.encode()) > NAME_MAX:
        raise InvalidRequest(f"the name is longer than the {NAME_MAX} bytes possible")
    return segment, beside


class Keys:
    """Keys below one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def key(self, path: Path) -> tuple[str, bool]:
        """The key of a file at `path`, and whether only a folder can be there. Raises `InvalidRequest`."""
        beside = False
        segments = []
        for name in path.split("/") if path else ():
            segment, beside = meant(name)
            segments.append(segment)
        key = self.prefix + "/".join(segments)
        if len(key.encode()) > KEY_MAX:
            raise InvalidRequest(f"the path is longer than the {KEY_MAX} bytes possible")
        return key, beside

    def folder(self, path: Path) -> str:
        """What all keys below the folder `path` begin with; also the key of its marker. Raises `InvalidRequest`."""
        return self.key(path)[0] + "/" if path else self.prefix

    def hidden(self, *rest: str) -> str:
        """A key in the hidden folder."""
        return self.prefix + "/".join((HIDDEN, *rest))


def place(key: str) -> str:
    """A short name of a key, in ASCII."""
    return sha256(key.encode()).hexdigest()[:24]
