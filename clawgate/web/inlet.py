"""The way from a client: how many bytes are read at once, and when none are."""

from __future__ import annotations

from typing import Any

from . import transports
from .body import SMALLEST_WINDOW


class Inlet:
    """The reading side of an HTTP/1 connection's transport."""

    __slots__ = ("_paused", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._paused = False

    def pause(self) -> None:
        """Read nothing for now: the client has to wait once the kernel's buffers are full."""
        if not self._paused:
            self._paused = True
            self._transport.pauseProducing()

    def resume(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            self._transport.resumeProducing()

    def block(self, size: int = SMALLEST_WINDOW) -> None:
        """Read up to `size` bytes at once from now on; heads and small messages need the smallest."""
        transports.set_read_size(self._transport, size)
