"""The body of a request that continues an upload, as the session watches it."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from ...errors import ClawgateError, TooLarge
from ...interfaces import Body


class Incoming:
    """Content on its way to a storage that must not lose what has come when the client breaks off.

    To the storage it looks complete whenever it ends; why it ended is kept in `failure` for whoever called the storage.
    """

    __slots__ = ("_body", "_clock", "_excess", "_next", "_room", "_since", "ended", "failure")

    def __init__(self, body: Body, clock: IReactorTime, room: int | None = None, excess: ClawgateError | None = None) -> None:
        """As after `limit`."""
        self._body = body
        self._clock = clock
        self._since: float | None = None
        self._next: Deferred[bytes] | None = None
        self.failure: ClawgateError | None = None
        """Why there will be no more bytes, though the client had not sent all."""
        self.ended = False
        """There will be no more bytes."""
        self.limit(room, excess)

    def limit(self, room: int | None, excess: ClawgateError | None = None) -> None:
        """Let at most `room` more bytes through (None: any number), then fail with `excess`."""
        self._room = room
        self._excess = excess or TooLarge("there are more bytes than were announced")

    @property
    def waiting(self) -> bool:
        """Whether it is the client's turn."""
        return self._since is not None

    @property
    def silent(self) -> float:
        """For how many seconds the client has kept us waiting."""
        return 0.0 if self._since is None else self._clock.seconds() - self._since

    def cut(self, reason: ClawgateError) -> None:
        """Let it end now."""
        if not self.ended:
            self.failure = reason
            self.ended = True
            if self._next is not None:
                self._next.cancel()

    async def segment(self, size: int | None) -> Body:
        """The next bytes: until there are at least `size` (None: all)."""
        given = 0
        while not self.ended and (size is None or given < size):
            chunk = await self._take()
            if chunk:
                given += len(chunk)
                yield chunk

    async def _take(self) -> bytes:
        """The next chunk; empty at the end."""
        self._since = self._clock.seconds()
        self._next = Deferred.fromCoroutine(self._step())
        try:
            chunk = await self._next
        except StopAsyncIteration:
            self.ended = True
            return b""
        except CancelledError:
            # Somebody cut it, or the whole request is cancelled.
            if self.failure is None:
                raise
            return b""
        except ClawgateError as error:
            self.failure = self.failure or error
            self.ended = True
            return b""
        finally:
            self._since = None
            self._next = None
        return self._admitted(chunk)

    def _admitted(self, chunk: bytes) -> bytes:
        """As much of `chunk` as there is room for."""
        if self._room is None:
            return chunk
        if len(chunk) > self._room:
            self.failure = self.failure or self._excess
            self.ended = True
            chunk = chunk[: self._room]
        self._room -= len(chunk)
        return chunk

    async def _step(self) -> bytes:
        return await self._body.__anext__()
