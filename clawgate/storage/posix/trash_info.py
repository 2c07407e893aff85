"""What is written beside something in a trash: where it was and when it went, as freedesktop.org's Trash specification 1.0 says.

File managers understand it, and it survives the loss of index and state. What clawgate knows besides stands in keys of its own,
which others have to ignore.
"""

from __future__ import annotations

import time
from datetime import datetime
from urllib.parse import quote_from_bytes, unquote_to_bytes

import attrs

from ...errors import InvalidRequest
from ...model.path import Path, check_name
from .names import path_to_bytes, to_text

LIMIT = 65536
"""Bytes that are read of one, at most."""
_HEAD = "[Trash Info]"


@attrs.frozen
class TrashInfo:
    """One of these notes."""

    origin: Path
    """Where it was, below the root of the tree."""
    removed: float
    """Seconds since 1970."""
    id: str = ""
    """The id that it had for clients; empty: that which it carries."""
    size: int | None = None
    """Bytes of it with all below; None: not known."""
    successor: str = ""
    """The own name of what takes its place in the tree. As long as that lies here the exchange is not done."""


def write(info: TrashInfo, base: str = "") -> bytes:
    """The note as text; with `base`, a directory, the origin is written as an absolute path below it."""
    path = path_to_bytes(info.origin)
    lines = [
        _HEAD,
        f"Path={quote_from_bytes(base.encode('utf-8', 'surrogateescape') + b'/' + path if base else path, '/')}",
        f"DeletionDate={time.strftime('%Y-%m-%dT%H:%M:%S', time.localtime(info.removed))}",
        f"X-Clawgate-Removed={info.removed:.6f}",
    ]
    if info.id:
        lines.append(f"X-Clawgate-Id={info.id}")
    if info.size is not None:
        lines.append(f"X-Clawgate-Size={info.size}")
    if info.successor:
        lines.append(f"X-Clawgate-Successor={info.successor}")
    return ("\n".join(lines) + "\n").encode()


def read(text: bytes, otherwise: TrashInfo, base: str = "") -> TrashInfo:
    """The meaning of a note, which anybody may have written: what cannot be understood is taken from `otherwise`."""
    fields: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            # The first one counts, says the specification.
            fields.setdefault(key.strip(), value.strip())
    size = fields.get("X-Clawgate-Size", "")
    return TrashInfo(
        _origin(fields.get("Path", ""), base) or otherwise.origin,
        _removed(fields) or otherwise.removed,
        fields.get("X-Clawgate-Id", ""),
        int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None,
        fields.get("X-Clawgate-Successor", ""),
    )


def _origin(written: str, base: str) -> Path | None:
    raw = unquote_to_bytes(written)
    if raw.startswith(b"/"):
        front = base.encode("utf-8", "surrogateescape").rstrip(b"/") + b"/"
        if not base or not raw.startswith(front):
            return None
        raw = raw[len(front) :]
    try:
        return Path("/".join(check_name(to_text(name)) for name in raw.split(b"/"))) if raw else None
    except InvalidRequest:
        return None


def _removed(fields: dict[str, str]) -> float | None:
    try:
        return float(fields["X-Clawgate-Removed"])
    except (KeyError, ValueError):
        pass
    try:
        # `time.strptime` imports what it needs when it is called, which a thread with a person's rights may not be able to.
        return datetime.fromisoformat(fields.get("DeletionDate", "")[:19]).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
