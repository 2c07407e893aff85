"""Writing content: what the client promises of it and when it may replace what is there."""

from __future__ import annotations

from enum import Enum

import attrs

from .node import Identity, Node


@attrs.frozen
class Checksum:
    """One checksum: `algorithm` in upper case (``SHA1 MD5 ADLER32 SHA256 CRC32C``), `value` in lower-case hex."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


class Target(Enum):
    """What may stand at the place where something is published."""

    ANYTHING = "anything"
    """A file there is replaced."""
    NOTHING = "nothing"
    """The name must be free."""


@attrs.frozen
class Intent:
    """How new content is to be written.

    The storage verifies `size` and every one of `checksums` as the bytes pass and publishes only when they hold.
    """

    size: int | None = None
    """Announced length in bytes; None if unknown."""
    checksums: tuple[Checksum, ...] = ()
    """To be verified; raises `ChecksumMismatch`."""
    compute: tuple[str, ...] = ()
    """Algorithms to compute besides those of `checksums`."""
    mtime_ns: int | None = None
    """Modification time to set, nanoseconds since 1970; None: now."""
    expected: Target | str = Target.ANYTHING
    """`Target`, or the `Node.seen` that must still stand there at the moment of publishing; else `PreconditionFailed`."""
    id: str = ""
    """The id the new version must carry; empty: that of the file it replaces, else its own."""


@attrs.frozen
class Written:
    """The result of a write: the node as it stands now, and whether something was replaced."""

    node: Node
    replaced: bool
    identity: Identity | None = None
    """How the storage knows the new version; None where it has no ids (`interfaces.Ids`)."""
