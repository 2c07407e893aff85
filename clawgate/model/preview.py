"""Small pictures of files."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import NotFound


class Wish(NamedTuple):
    """Which picture of a file is wanted."""

    x: int
    """Pixels from left to right, at least 1."""
    y: int
    """From top to bottom."""
    way: str = "fill"
    """``fit``, ``fill``, ``cover`` or ``resize``: how an image gets into that shape."""
    enlarge: bool = False
    """Small images become larger than they are."""


class Order(NamedTuple):
    """What is to be made."""

    kind: str
    """``image`` or ``text``."""
    size: int
    """Bytes that are read of the file."""
    wish: Wish


class Picture(NamedTuple):
    """A picture that was made."""

    type: str
    """The media type."""
    data: bytes


class NoPicture(NotFound):
    """There is no picture of this file. ``limit``: making it went beyond what the settings allow, which on a busy machine may not
    be the file's fault."""

    def __init__(self, text: str, *, limit: bool = False) -> None:
        super().__init__(text)
        self.limit = limit
