"""Between Twisted's producers and our bodies."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

WAITING = 256 << 10
"""Bytes of an answer that wait for their reader before the socket is not read any more."""


class Content(Protocol):
    """The body of an answer. `WAITING` bytes and what one read of the socket gives are here at most."""

    def __init__(self, reactor: Any, idle: float) -> None:
        self._reactor = reactor
        self._idle = idle
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._paused = False
        self._reader: Deferred[None] | None = None
        self._since = 0.0  # when the reader began to wait
        self._timer: Any = None
        self._end: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """Some of it."""
        self._waiting.append(data)
        self._bytes += len(data)
        # A reader that keeps up takes it at once, and the socket is read on.
        self._wake()
        if self._bytes >= WAITING and not self._paused and self._end is None and self.transport is not None:
            self._paused = True
            self.transport.pauseProducing()  # type: ignore[attr-defined]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end, good or bad."""
        self._end = reason
        self._forget()
        self._wake()

    def stop(self) -> None:
        """Nobody wants the rest."""
        self._forget()
        if self._end is None and self.transport is not None:
            # The answer's own transport is a proxy; only this ends the connection at once, and nobody is told.
            abort = getattr(self.transport, "abortConnection", self.transport.loseConnection)
            abort()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes. Raises what ended the connection too early, `TimeoutError` when nothing comes."""
        while True:
            while self._waiting:
                data = self._waiting.popleft()
                self._bytes -= len(data)
                yield data
            if self._end is not None:
                if isinstance(self._end.value, ResponseDone):
                    return
                self._end.raiseException()
            reader = self._reader = Deferred()
            self._since = self._reactor.seconds()
            if self._timer is None:
                self._timer = self._reactor.callLater(self._idle, self._look)
            if self._paused and self.transport is not None:
                self._paused = False
                self.transport.resumeProducing()  # type: ignore[attr-defined]
            await reader

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.called:
            reader.callback(None)

    def _look(self) -> None:
        """Whether it has been too long. One timer for all pieces: one for each would be a good part of what it costs."""
        self._timer = None
        reader = self._reader
        if reader is None or reader.called:
            return
        left = self._since + self._idle - self._reactor.seconds()
        if left > 0:
            self._timer = self._reactor.callLater(left, self._look)
        else:
            self._reader = None
            reader.errback(TimeoutError(self._idle, "answer"))

    def _forget(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()


@implementer(IBodyProducer)
class Pump:
    """Sends chunks as the connection takes them."""

    def __init__(self, chunks: AsyncIterator[bytes], length: int, reactor: Any, idle: float) -> None:
        self.length = length
        self.error: Exception | None = None
        """What `chunks` raised."""
        self.complete = False
        self.ended: Callable[[], None] = lambda: None
        """Called when all was sent."""
        self._chunks = chunks
        self._reactor = reactor
        self._idle = idle
        self._paused: Deferred[None] | None = None
        self._running: Deferred[None] | None = None

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer`."""
        self._running = Deferred.fromCoroutine(self._pump(consumer))
        outcome: Deferred[None] = Deferred()
        self._running.addCallbacks(outcome.callback, outcome.errback)
        return outcome

    def pauseProducing(self) -> None:
        """See `IPushProducer`."""
        if self._paused is None:
            self._paused = Deferred()

    def resumeProducing(self) -> None:
        """See `IPushProducer`."""
        paused, self._paused = self._paused, None
        if paused is not None and not paused.called:
            paused.callback(None)

    def stopProducing(self) -> None:
        """See `IProducer`; again is no error."""
        if self._running is not None and not self._running.called:
            self._running.cancel()

    async def _pump(self, consumer: IConsumer) -> None:
        try:
            async for chunk in self._chunks:
                consumer.write(chunk)
                paused = self._paused
                if paused is not None:
                    paused.addTimeout(self._idle, self._reactor)
                    await paused
        except (CancelledError, TimeoutError):
            raise
        except Exception as error:
            self.error = error
            raise
        self.complete = True
        self.ended()


class Kept:
    """Chunks that can be had again as long as not more than `most` bytes of them were given."""

    def __init__(self, chunks: AsyncIterator[bytes], most: int) -> None:
        self.given = 0
        """Bytes that came from the source."""
        self.failed = False
        """Whether the source raised."""
        self._source = chunks
        self._most = most
        self._kept: list[bytes] | None = []
        self._coming: Deferred[Any] | None = None
        self._here: bytes | Failure | None = None
        self._waiter: Deferred[None] | None = None

    @property
    def whole(self) -> bool:
        """Whether everything that was given is still here."""
        return self._kept is not None and not self.failed

    async def again(self) -> AsyncIterator[bytes]:
        """All from the beginning, and then on. Only as long as it is `whole`, and by one reader at a time."""
        for chunk in list(self._kept or ()):
            yield chunk
        while chunk := await self._take():
            self.given += len(chunk)
            if self._kept is not None:
                if self.given <= self._most:
                    self._kept.append(chunk)
                else:
                    self._kept = None
            yield chunk

    def close(self) -> None:
        """Nobody reads any more."""
        if self._coming is not None:
            self._coming.cancel()

    async def _take(self) -> bytes:
        """The next chunk; none at the end. Who is cancelled while waiting for it takes nothing away from the next reader."""
        if self._here is None and self._coming is None:
            self._coming = Deferred.fromCoroutine(self._next())
            self._coming.addBoth(self._arrived)
        if self._here is None:
            self._waiter = Deferred()
            await self._waiter
        here, self._here = self._here, None
        if isinstance(here, Failure):
            here.raiseException()
        return here or b""

    def _arrived(self, result: bytes | Failure) -> None:
        self._here, self._coming = result, None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.called:
            waiter.callback(None)

    async def _next(self) -> bytes:
        try:
            return await self._source.__anext__()
        except StopAsyncIteration:
            return b""
        except BaseException:
            self.failed = True
            raise
