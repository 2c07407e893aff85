"""An upload that takes several requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs

from .content import Checksum
from .path import Path


class Part(NamedTuple):
    """A chunk that has arrived: bytes `start` up to (not including) `stop` of what is behind the handle."""

    name: str
    """What the client calls it."""
    start: int
    stop: int


@attrs.frozen
class Upload:
    """One upload session as the state keeps it; its parts, in the dialects that have them, are kept beside it."""

    id: str
    """Cannot be guessed."""
    owner: str
    """User id."""
    space: str
    """Id of the space it goes to."""
    handle: str
    """Where the storage keeps what has arrived, see `interfaces.Parts`."""
    dialect: str
    """The protocol it is spoken in, e.g. ``tus``; no other may continue it."""
    key: str
    """The name by which the client continues it; unique for owner and dialect."""
    path: Path
    """Where in the space it is to be published; empty while that is not known."""
    size: int | None
    """Announced total bytes; None: not announced."""
    offset: int
    """Bytes that have arrived in order, in the dialects that append. The last one counts only when the file is published."""
    created: float
    """Seconds since 1970."""
    expires: float
    """Seconds since 1970; afterwards it may be thrown away."""
    checksums: tuple[Checksum, ...] = ()
    """Announced for the whole content."""
    mtime_ns: int | None = None
    """Modification time to set; None: that of publishing."""
    finished: bool = False
    """Published: the bytes have left, the session only remembers the outcome for a client that did not hear of it."""
    result: str = ""
    """The etag of the file it became."""
    extra: Mapping[str, Any] = attrs.field(factory=dict)
    """Whatever else the dialect must remember, as JSON can hold it."""
    frees: int = 0
    """Bytes of the file that stood at `path` when it was begun: so much less it needs of a quota."""
