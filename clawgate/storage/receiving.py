"""How much of what comes may wait in the kernel to be read.

Left alone Linux gives more and more room to whoever sends faster than we read (``tcp_rmem``, megabytes a connection). Nobody
counts that memory, and what has waited there has left the processor's caches when it is read.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from typing import Any

_RATE = 1.25e9
"""Bytes a second that a bound must let through: 10 Gbit/s."""
_LARGEST = Path("/proc/sys/net/core/rmem_max")
_LARGEST_OF_OLD = 212992
"""What Linux had there for most of its life."""
_ROUND_TRIP = struct.Struct("=68xI")
"""Where the kernel's ``tcp_info`` has its estimate, in microseconds (linux/tcp.h)."""


def largest_room() -> int:
    """Bytes that the system lets anybody ask for as the room of a socket for what comes."""
    try:
        return int(_LARGEST.read_text())
    except (OSError, ValueError):
        # A network namespace of its own does not have it.
        return _LARGEST_OF_OLD


def round_trip(connection: socket.socket) -> float:
    """Seconds to the other end and back, as the kernel knows it."""
    said = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ROUND_TRIP.size)
    return float(_ROUND_TRIP.unpack(said)[0]) / 1e6


def is_near(seconds: float, room: int) -> bool:
    """Whether `room` bytes for each round trip of `seconds` are no brake."""
    return seconds * _RATE <= room


class Room:
    """A bound for connections to those who are so near that it is no brake; for the others the system knows best."""

    def __init__(self, size: int) -> None:
        """`size` in bytes; 0: no bound. The system may not allow that many."""
        self.size = min(size, largest_room())

    def bound(self, transport: Any) -> None:
        """Bound the connection of a transport, which has just been made."""
        if not self.size:
            return
        connection = lowest(transport).getHandle()
        if is_near(round_trip(connection), self.size):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.size)


def lowest(transport: Any) -> Any:
    """The transport that owns the socket, below TLS."""
    while (below := getattr(transport, "transport", None)) is not None:
        transport = below
    return transport
