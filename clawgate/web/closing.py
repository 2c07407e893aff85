"""The end of a connection: closed at once or, on HTTP/1, after listening a little longer; and how long that may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .inlet import Inlet
    from .outlet import Outlet
    from .site import ClawSite

ABORT_SECONDS = 15.0
"""How long what is left to send may take after the connection was given up; each byte that is taken gives as long again."""
_LINGER_SECONDS = 2.0
"""How long a client may go on sending after an answer that closes the connection: closed at once, its system would throw the
answer away."""


class Deadline:
    """Of a connection, HTTP/1 or 2, that sends what it has to, and nothing more. Times in seconds of one clock, bytes as
    `transports.unsent`."""

    __slots__ = ("_over", "_stuck", "_until")

    def __init__(self, now: float, unsent: int, *, patience: float = ABORT_SECONDS, over: float = ABORT_SECONDS) -> None:
        """It began `now` with `unsent` bytes and may take `patience`; once the client has taken all of them, it has `over` to
        close its side."""
        self._until = now + patience
        self._over = over
        self._stuck = unsent

    def overdue(self, now: float, unsent: int) -> bool:
        """Whether the client was given time enough; `unsent` bytes are left. Asked every few seconds."""
        if unsent < self._stuck:
            self._stuck = unsent
            self._until = max(self._until, now + (ABORT_SECONDS if unsent else self._over))
            return False
        return now >= self._until


class Closing:
    """An HTTP/1 connection on which nothing is answered any more."""

    __slots__ = ("_deadline", "_ignored", "_inlet", "_lingers", "_most", "_outlet")

    def __init__(self, site: ClawSite, inlet: Inlet, outlet: Outlet, *, linger: bool) -> None:
        """Close as soon as everything is sent. `linger`: but listen a little, where that is possible: a socket closed with bytes
        unread makes the client's system drop the answer."""
        self._inlet = inlet
        self._outlet = outlet
        self._most = site.discard_bytes
        self._ignored = 0
        linger = linger and outlet.direct
        self._lingers = linger
        patience = _LINGER_SECONDS if linger else ABORT_SECONDS
        self._deadline = Deadline(site.seconds(), outlet.unsent(), patience=patience, over=_LINGER_SECONDS)
        if linger:
            inlet.block()
            inlet.resume()
            outlet.half_close()
        else:
            outlet.close()

    def ignore(self, count: int) -> None:
        """So many bytes have come after all."""
        self._ignored += count
        if self._lingers and self._ignored > self._most:
            self._inlet.pause()

    def check(self, now: float) -> None:
        """Drop the connection if it takes too long."""
        if self._deadline.overdue(now, self._outlet.unsent()):
            self._outlet.abort()
