"""Checksums of the types that a layout may have."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

HEADER = {"adler": "Adler32", "md5": "MD5", "sha": "SHA1", "sha256": "SHA256"}
"""How headers call what fileinfo calls otherwise (sections 3.1 item 12, 4.5)."""


class Adler:
    """Adler-32 with the interface of hashlib."""

    def __init__(self) -> None:
        self._value = 1

    def update(self, data: bytes) -> None:
        """Take bytes."""
        self._value = zlib.adler32(data, self._value)

    def hexdigest(self) -> str:
        """Eight digits, with zeros."""
        return f"{self._value:08x}"


def hasher(kind: str) -> Any:
    """What computes this type."""
    return Adler() if kind == "adler" else hashlib.new({"sha": "sha1"}.get(kind, kind))


def checksum_of(kind: str, content: bytes) -> str:
    """The checksum of some bytes."""
    one = hasher(kind)
    one.update(content)
    return str(one.hexdigest())
