"""`sys.app.lock` (section 7.8)."""

from __future__ import annotations

from .identity import Identity
from .nodes import File

APP = "http"


def blocks(file: File, who: Identity, now: int, *, reading: bool) -> bool:
    """Whether the lock on a file keeps somebody out."""
    fields = dict(part.partition(":")[::2] for part in file.xattr.get("sys.app.lock", "").split(",") if part)
    if not fields or int(fields.get("expires", "0")) <= now:
        return False
    if reading and fields.get("type") != "exclusive":
        return False
    user, _, app = fields.get("owner", "").partition(":")
    return not (user in ("*", who.name) and app in ("*", APP))
