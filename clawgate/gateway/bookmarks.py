"""Where somebody is in what happens to a folder, as a text that they bring again."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

import attrs

from ..interfaces import Outdated, Position
from ..model.path import Path, make

FRONT = "urn:x-clawgate:sync:"
"""DAV:sync-token is a URI (RFC 6578 section 6.2)."""
_WRITTEN = re.compile(r"([0-9a-z]+)-([0-9a-f]{1,15})-([0-9a-f]{1,15})(?:\.([ib])([A-Za-z0-9_=-]*))?")


@attrs.frozen
class Bookmark:
    """A position, and perhaps a place in a listing that is not at its end."""

    position: Position
    first: bool = False
    """It is the very first listing of the folder that is not at its end."""
    cursor: Path | None = None
    """The last path of the listing that was shown; None: no listing has begun."""

    def text(self) -> str:
        """The text that `read` understands."""
        journal, folder, number = self.position
        text = f"{FRONT}{journal}-{folder:x}-{number:x}"
        if self.cursor is not None:
            text += f".{'i' if self.first else 'b'}{urlsafe_b64encode(self.cursor.encode()).decode()}"
        return text


def read(text: str) -> Bookmark:
    """The bookmark that is written in `text`. Raises `Outdated` if it is none of ours."""
    found = _WRITTEN.fullmatch(text.removeprefix(FRONT)) if text.startswith(FRONT) else None
    if found is None:
        raise Outdated("this is not a token of this server")
    journal, folder, number, which, written = found.groups()
    position = Position(journal, int(folder, 16), int(number, 16))
    if which is None:
        return Bookmark(position)
    try:
        cursor = urlsafe_b64decode(written).decode()
        return Bookmark(position, which == "i", make(*cursor.split("/")) if cursor else Path(""))
    except (Error, ValueError):
        raise Outdated("this is not a token of this server") from None
