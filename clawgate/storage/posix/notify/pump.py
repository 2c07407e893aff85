"""From a descriptor full of events to news, without ever keeping the reactor: it only reads; a worker does the rest."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from ....errors import Overloaded
from ....log import make_logger
from ....workers import Workers
from .news import News

log = make_logger()

_BUFFER = 65536
_TURN = 4
"""Buffers read in one turn of the reactor."""


@attrs.frozen
class Bounds:
    """How much may wait."""

    queue_bytes: int
    """So many bytes of events."""
    gather: float
    """So many seconds each event, for others that come soon."""


@implementer(IReadDescriptor)
class Pump:
    """Reads one descriptor that does not block.

    The first event waits a little for others, and while a worker has its hands full they wait here. What there is no room for
    stays in the kernel, whose queue is bounded and tells when it ran over: a storm costs neither memory nor time.
    """

    def __init__(
        self,
        reactor: Any,
        workers: Workers,
        fd: int,
        digest: Callable[[list[bytes]], News],
        deliver: Callable[[News], None],
        despair: Callable[[], News],
        bounds: Bounds,
    ) -> None:
        """`digest` works in a worker, one call at a time; `deliver` is given what it returns in the reactor's thread, and what
        `despair` says if it fails."""
        self._reactor = reactor
        self._workers = workers
        self._fd = fd
        self._digest = digest
        self._deliver = deliver
        self._despair = despair
        self._bounds = bounds
        self._blocks: list[bytes] = []
        self._held = 0
        self._busy = False
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Read events as they come; nothing after `stop`."""
        if self._fd >= 0:
            self._reactor.addReader(self)

    def stop(self) -> None:
        """Read and deliver nothing any more; the descriptor is the caller's to close."""
        self._reactor.removeReader(self)
        self._fd = -1
        self._blocks = []
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def fileno(self) -> int:
        """See `IReadDescriptor`."""
        return self._fd

    def doRead(self) -> None:
        """See `IReadDescriptor`."""
        self._reactor.removeReader(self)
        self._call = self._reactor.callLater(self._bounds.gather, self._turn)

    def connectionLost(self, reason: Failure) -> None:
        """See `IReadDescriptor`."""
        self.stop()

    def logPrefix(self) -> str:
        """See `IReadDescriptor`."""
        return "notify"

    def _turn(self) -> None:
        self._call = None
        more = self._read()
        if self._blocks and not self._busy:
            self._busy = True
            blocks, self._blocks, self._held = self._blocks, [], 0
            Deferred.fromCoroutine(self._work(blocks))
        if self._blocks or self._busy or more:
            self._call = self._reactor.callLater(0 if more else self._bounds.gather, self._turn)
        else:
            self._reactor.addReader(self)

    def _read(self) -> bool:
        """Read as much as one turn may; whether there may be more that there is room for."""
        for _ in range(_TURN):
            if self._held >= self._bounds.queue_bytes:
                return False
            try:
                block = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                return False
            self._blocks.append(block)
            self._held += len(block)
        return True

    async def _work(self, blocks: list[bytes]) -> None:
        try:
            news = await self._workers.run(self._digest, blocks)
        except Overloaded:
            self._blocks[:0] = blocks
            self._held += sum(map(len, blocks))
            return
        except Exception:
            log.failure("events of the kernel could not be understood")
            news = self._despair()
        finally:
            self._busy = False
        if self._fd >= 0:
            self._deliver(news)
