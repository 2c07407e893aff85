"""Between Twisted's producers and our bodies."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


class Content(Protocol):
    """The body of an answer: never more than what one read of the socket gave is waiting here."""

    def __init__(self, reactor: Any, idle: float) -> None:
        self._reactor = reactor
        self._idle = idle
        self._waiting: deque[bytes] = deque()
        self._reader: Deferred[None] | None = None
        self._end: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """Some of it."""
        self._waiting.append(data)
        if self._end is None and self.transport is not None:
            self.transport.pauseProducing()  # type: ignore[attr-defined]
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end, good or bad."""
        self._end = reason
        self._wake()

    def stop(self) -> None:
        """Nobody wants the rest."""
        if self._end is None and self.transport is not None:
            # The answer's own transport is a proxy; only this ends the connection at once, and nobody is told.
            abort = getattr(self.transport, "abortConnection", self.transport.loseConnection)
            abort()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes. Raises what ended the connection too early, `TimeoutError` when nothing comes."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._end is not None:
                if isinstance(self._end.value, ResponseDone):
                    return
                self._end.raiseException()
            reader = self._reader = Deferred()
            reader.addTimeout(self._idle, self._reactor)
            if self.transport is not None:
                self.transport.resumeProducing()  # type: ignore[attr-defined]
            await reader

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.called:
            reader.callback(None)


@implementer(IBodyProducer)
class Pump:
    """Sends chunks as the connection takes them."""

    def __init__(self, chunks: AsyncIterator[bytes], length: int, reactor: Any, idle: float) -> None:
        self.length = length
        self.error: Exception | None = None
        """What `chunks` raised."""
        self.complete = False
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
