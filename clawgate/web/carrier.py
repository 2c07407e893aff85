"""What an exchange needs from its connection, the same for HTTP/1 and HTTP/2."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .request import Request
    from .site import ClawSite

Headers = list[tuple[bytes, bytes]]


class Carrier(ABC):
    """One request's connection: an HTTP/1 connection, or a stream of an HTTP/2 one."""

    site: ClawSite
    peer: str
    """The address of the other end, ``unix`` for a local socket."""
    secure: bool
    """Encrypted."""
    can_bypass = False
    """`descriptor` and `writable` work here."""

    @property
    @abstractmethod
    def blocked(self) -> bool:
        """The client does not take bytes as fast as they come: await `drained` before sending more."""

    @abstractmethod
    def send_head(self, request: Request, status: int, headers: Headers, length: int | None, data: bytes, more: bool) -> None:
        """Send status, headers and the first bytes of the body.

        `length` is the Content-Length; None with `more` means that it is not known, without `more` that there is no body. Not
        `more`: `data` is all there is. Raises `ValueError` for headers that contain line breaks.
        """

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send more of the body; `data` is not empty."""

    def offer(self, data: bytes) -> int:
        """Send the first bytes of `data`, as many as are taken at once and without being copied; returns how many. The rest is
        for `send`."""
        return 0

    @abstractmethod
    async def drained(self) -> None:
        """Wait until the client has taken most of what was sent. Raises `Disconnected`."""

    @abstractmethod
    def finish(self) -> None:
        """The answer is complete."""

    @abstractmethod
    def cut(self) -> None:
        """Break the answer off so that the client notices."""

    @abstractmethod
    def unsent(self) -> int:
        """Bytes that the other end has not taken yet, as far as can be known."""

    async def descriptor(self) -> int:
        """A copy of the socket's descriptor with everything sent so far on its way, for sending a file past the transport.

        Only if `can_bypass`. Whoever gets it closes it. Raises `Disconnected`.
        """
        raise TypeError("nothing can be sent past this connection: it shares or encrypts its socket")

    async def writable(self, descriptor: int) -> None:
        """Wait until the descriptor (from `descriptor`) takes bytes again. Raises `Disconnected`."""
        raise TypeError("nothing can be sent past this connection: it shares or encrypts its socket")
