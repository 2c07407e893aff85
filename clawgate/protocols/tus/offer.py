"""What is offered of TUS: the one place from which headers and capabilities take it."""

from __future__ import annotations

import attrs

from ..webdav.transfer_headers import Headers

BASE = "/tus"
"""Uploads are under ``/tus/ID``; ``/tus/`` itself creates them in the personal space."""
VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "checksum",
    "checksum-trailer",
    "concatenation",
    "expiration",
    "termination",
)
RESUMABLE = (b"Tus-Resumable", VERSION.encode())
"""Stands in every answer but those to OPTIONS, where it may."""
SUPPORTED = (b"Tus-Version", VERSION.encode())


@attrs.frozen
class Offer:
    """What depends on the settings."""

    checksums: tuple[str, ...]
    """Algorithms that a piece can be verified with, in upper case."""
    largest: int
    """Bytes of the largest file that is taken; 0: no limit."""

    def headers(self) -> Headers:
        """By these clients find TUS: on OPTIONS, and on PROPFIND of collections."""
        found = [
            RESUMABLE,
            SUPPORTED,
            (b"Tus-Extension", ",".join(EXTENSIONS).encode()),
            (b"Tus-Checksum-Algorithm", ",".join(self.checksums).lower().encode()),
        ]
        if self.largest:
            found.append((b"Tus-Max-Size", b"%d" % self.largest))
        return found
