"""One process that makes pictures, as the gateway sees it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import BaseProtocol
from zope.interface import implementer

from ..errors import StorageBroken
from ..log import make_logger
from ..model.preview import NoPicture, Order, Picture
from .process import HEAD, HEAD_BYTES, TYPES

log = make_logger()

PIECE = 65536
"""Bytes that are given to the pipe at once."""
GRACE = 5.0
"""Seconds that the process may take longer than the child in it, which it ends by itself."""
_SAID = 2000
"""Bytes of what it says on its standard error that are kept for the log."""


@implementer(IPushProducer)
class Painter(BaseProtocol):
    """Takes one order after the other."""

    transport: Any

    def __init__(self, clock: Any, seconds: float, most: int, gone: Callable[[Painter], None]) -> None:
        """`seconds` may an order take, `most` bytes may a picture have; `gone` is called when the process has ended."""
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._gone = gone
        self._buffer = bytearray()
        self._answer: Deferred[Picture] | None = None
        self._fed: Deferred[None] | None = None
        self._drained: Deferred[None] | None = None
        self._blocked = False
        self._said = b""
        self.alive = True
        """It can take an order."""

    async def work(self, order: Order, content: AsyncIterator[bytes]) -> Picture:
        """Let it make a picture. Raises `NoPicture`, and what reading raises; then the process may be gone. A storage that does
        not go on is not waited for longer than the process."""
        answer: Deferred[Picture] = Deferred()
        fed: Deferred[None] = Deferred()
        self._answer, self._fed = answer, fed
        timer = self._clock.callLater(self._seconds + GRACE, self._expire)
        feeding = Deferred.fromCoroutine(self._feed(order, content))
        # Whoever reads has to be stopped himself, and may take his time for that.
        feeding.addBoth(lambda result: None if fed.called else fed.callback(result))
        try:
            await fed
            return await answer
        except BaseException as error:
            if not isinstance(error, NoPicture):
                # It waits for bytes that do not come.
                self.kill()
            raise
        finally:
            if timer.active():
                timer.cancel()
            self._answer = self._fed = None
            # Nobody else waits for it.
            answer.addErrback(lambda failure: None)
            feeding.cancel()

    def dismiss(self) -> None:
        """Let it end; there is no more work for it."""
        if self.alive:
            self.alive = False
            self.transport.closeStdin()

    def kill(self) -> None:
        """End it now, or as soon as it has been started."""
        self.alive = False
        if self.transport is not None:
            self.transport.kill()

    async def _feed(self, order: Order, content: AsyncIterator[bytes]) -> None:
        wish = order.wish
        told = {"kind": order.kind, "size": order.size, "x": wish.x, "y": wish.y, "way": wish.way, "enlarge": wish.enlarge}
        head = json.dumps(told).encode()
        self.transport.write(HEAD.pack(len(head)) + head)
        sent = 0
        try:
            async for data in content:
                sent += len(data)
                if sent > order.size:
                    break
                for start in range(0, len(data), PIECE):
                    if not self.alive:
                        return
                    self.transport.write(data[start : start + PIECE])
                    if self._blocked:
                        self._drained = Deferred()
                        await self._drained
        finally:
            close = getattr(content, "aclose", None)
            if close is not None:
                await close()
        if sent != order.size:
            raise StorageBroken("the file has another size than announced")

    def _expire(self) -> None:
        self.kill()
        self._fail("it takes too long")

    def _fail(self, why: str) -> None:
        answer, self._answer = self._answer, None
        fed, self._fed = self._fed, None
        if answer is not None:
            answer.errback(NoPicture(f"there is no preview: {why}", limit=True))
        if fed is not None and not fed.called:
            # The answer is there, a good one or this.
            fed.callback(None)

    # The process speaks

    def connectionMade(self) -> None:
        """It was started."""
        self.transport.pipes[0].registerProducer(self, True)

    def outReceived(self, data: bytes) -> None:
        """Pieces of an answer."""
        buffer = self._buffer
        buffer += data
        if len(buffer) < HEAD.size:
            return
        (length,) = HEAD.unpack_from(buffer)
        if length > HEAD_BYTES:
            self._nonsense()
            return
        start = HEAD.size + length
        if len(buffer) < start:
            return
        try:
            head = json.loads(buffer[HEAD.size : start])
            size = int(head["size"])
        except (ValueError, KeyError, TypeError):
            self._nonsense()
            return
        if size > self._most or len(buffer) > start + size or self._answer is None:
            self._nonsense()
            return
        if len(buffer) < start + size:
            return
        picture = bytes(memoryview(buffer)[start:])
        self._buffer = bytearray()
        answer, self._answer = self._answer, None
        if head.get("type") in TYPES:
            answer.callback(Picture(head["type"], picture))
        else:
            answer.errback(NoPicture(f"there is no preview: {head.get('why')}", limit=bool(head.get("limit"))))

    def errReceived(self, data: bytes) -> None:
        """What it complains about."""
        self._said = (self._said + data)[:_SAID]

    def processEnded(self) -> None:
        """It is gone."""
        self.alive = False
        if self._said:
            said = self._said.decode("utf-8", "replace")
            log.warn("a process that makes previews ended and said: {said}", said=said)
        self._fail("the process that makes it ended")
        self.resumeProducing()
        self._gone(self)

    def _nonsense(self) -> None:
        log.warn("a process that makes previews says what makes no sense, and is ended")
        self._buffer = bytearray()
        self.kill()

    # Its standard input is full, empty, closed

    def pauseProducing(self) -> None:
        """The pipe is full."""
        self._blocked = True

    def resumeProducing(self) -> None:
        """There is room again."""
        self._blocked = False
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.callback(None)

    def stopProducing(self) -> None:
        """Nobody reads any more; `processEnded` follows."""
        self.alive = False
        self.resumeProducing()
