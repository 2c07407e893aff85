"""What is to be written where, and what of it can be refused before the body is read."""

from __future__ import annotations

import mimetypes
import secrets
import time
from typing import Any

import attrs

from ...errors import IsAFolder, PreconditionFailed, QuotaExceeded
from ...model.content import Intent, Target
from ...model.path import Path, name
from .facts import Facts, metadata
from .ground import Ground
from .options import LARGEST_OBJECT


@attrs.frozen
class Order:
    """What is to be written where."""

    path: Path
    key: str
    intent: Intent
    before: Facts | None
    """What stood there at the beginning."""
    id: str
    own: str
    mtime_ns: int

    def arguments(self, checksums: str) -> dict[str, Any]:
        """What the object carries besides its content."""
        kind = mimetypes.guess_type(name(self.path))[0] or "application/octet-stream"
        return {"ContentType": kind, "Metadata": metadata(self.key, self.id, self.own, self.mtime_ns, checksums)}

    def announced(self) -> str:
        """The checksums that are known before the content is."""
        return " ".join(map(str, self.intent.checksums))


async def order(ground: Ground, path: Path, intent: Intent, own: str = "") -> Order:
    """Look at the target: one HeadObject, three more calls at most if there is none. Raises what can be refused before the
    body is read."""
    key = ground.place(path)
    if (intent.size or 0) > LARGEST_OBJECT:
        raise QuotaExceeded("the file is too large for the storage")
    before = None if ground.looks.was_missing(key) else await ground.file(key)
    if before is None:
        if not ground.looks.was_missing(key + "/") and await ground.is_folder(key + "/"):
            if intent.expected is Target.NOTHING:
                raise PreconditionFailed(f"{path}: the name is taken")
            raise IsAFolder(f"{path}: this is a folder")
        await ground.see_parent(path)
    see_expected(path, intent, before)
    id = intent.id or (before.id if before is not None else ground.new_id())
    mtime_ns = time.time_ns() if intent.mtime_ns is None else intent.mtime_ns
    return Order(path, key, intent, before, id, own or secrets.token_hex(8), mtime_ns)


def see_expected(path: Path, intent: Intent, there: Facts | None) -> None:
    """Raise `PreconditionFailed` unless what is there is what was expected."""
    if intent.expected is Target.NOTHING and there is not None:
        raise PreconditionFailed(f"{path}: the name is taken")
    if not isinstance(intent.expected, Target) and (there is None or there.seen != intent.expected):
        raise PreconditionFailed(f"{path}: the file was changed meanwhile")
