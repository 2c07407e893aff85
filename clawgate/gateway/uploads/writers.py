"""Who writes to an upload at this moment. Two that want the same bytes cannot both; one whose client is silent gives way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ...errors import Locked
from .incoming import Incoming
from .layout import END

GRACE = 5.0
"""Seconds that a request may take to put away what has come, once there will be no more."""


@attrs.define(eq=False)
class Writer:
    """One request at work."""

    start: int
    stop: int
    name: str
    """Of the chunk; empty for one that appends or finishes."""
    incoming: Incoming | None
    """None: it does not wait for a client."""
    measured: bool
    """Whether it is known that it will get as far as `stop`."""
    waiting: list[Deferred[None]] = attrs.field(factory=list)
    """Those to be told when it ends."""


class Writers:
    """The requests of this process that write to uploads. Other processes are kept apart by the storage (`Parts.write_at`)."""

    def __init__(self, patience: float, clock: IReactorTime) -> None:
        """A writer gives way when its client has been silent for `patience` seconds; with 0, whenever it is the client's turn."""
        self._patience = patience
        self._clock = clock
        self._at_work: dict[str, list[Writer]] = {}
        self.departures = 0
        """How many have ended so far. While it stays the same, whoever is not at work has not written either."""

    def of(self, upload: str) -> list[Writer]:
        """Those of one upload."""
        return list(self._at_work.get(upload, ()))

    async def clear(self, *uploads: str) -> None:
        """Wait until nobody writes to any of `uploads`; without a pause, `at_work` may follow. Errors as `room`."""
        # A pause for one may have let somebody in at another.
        while [upload for upload in uploads if await self.room(upload)]:
            pass

    async def room(self, upload: str, start: int = 0, stop: int = END) -> bool:
        """Wait until nobody writes to a range; returns whether that took any time.

        Who is silent is cut off. Raises `Locked` if somebody is still busy after our patience has run out.
        """
        deadline = self._clock.seconds() + self._patience
        waited, gone = False, None
        while other := next((writer for writer in self.of(upload) if writer.start < stop and start < writer.stop), None):
            waited = True
            incoming = other.incoming
            pause = self._patience
            if incoming is not None:
                if incoming.waiting and incoming.silent >= self._patience and not incoming.ended:
                    # It may end at once: look again.
                    incoming.cut(Locked("another request has taken over this upload"))
                    continue
                pause = GRACE if incoming.ended else pause - incoming.silent
                if incoming.ended and other is not gone:
                    gone = other
                    deadline = max(deadline, self._clock.seconds() + GRACE)
            left = deadline - self._clock.seconds()
            if left <= 0:
                raise Locked("another request is writing to this upload")
            await self._end(other, min(left, pause))
        return waited

    @contextmanager
    def at_work(
        self,
        *uploads: str,
        incoming: Incoming | None = None,
        start: int = 0,
        stop: int = END,
        name: str = "",
        measured: bool = True,
    ) -> Iterator[None]:
        """Be the writer of a range of `uploads` for which there was `room`, without a pause since."""
        writers = [(upload, Writer(start, stop, name, incoming, measured)) for upload in uploads]
        for upload, writer in writers:
            self._at_work.setdefault(upload, []).append(writer)
        try:
            yield
        finally:
            self.departures += 1
            for upload, writer in writers:
                self._leave(upload, writer)

    def _leave(self, upload: str, writer: Writer) -> None:
        others = self._at_work[upload]
        others.remove(writer)
        if not others:
            del self._at_work[upload]
        # Whoever is told goes on at once, and takes its name off the list.
        waiting, writer.waiting = writer.waiting, []
        for ended in waiting:
            if not ended.called:
                ended.callback(None)

    async def _end(self, writer: Writer, seconds: float) -> None:
        """Wait until `writer` has ended, at most for `seconds`."""
        ended: Deferred[None] = Deferred()
        writer.waiting.append(ended)
        timeout = self._clock.callLater(seconds, ended.callback, None)
        try:
            await ended
        finally:
            if timeout.active():
                timeout.cancel()
            if ended in writer.waiting:
                writer.waiting.remove(ended)
