"""Gives work to the processes that make pictures: not more of them than allowed, not more work waiting than allowed."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet.defer import Deferred

from ..errors import Disconnected, Overloaded
from ..log import make_logger
from ..model.preview import Order, Picture
from ..settings import Preview
from ..workers import Workers
from .painter import Painter
from .spawned import Spawned, start

log = make_logger()

RETRY = 5
"""Seconds after which somebody for whose picture there is no room may come again."""
STOP_SECONDS = 5.0
"""How long `stop` waits for processes that were killed."""
_START = "import json, sys; sys.path[:0] = json.loads(sys.argv.pop()); from clawgate.previews.process import main; main()"
_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG")


class Painters:
    """The processes. They are started when there is work, and end when there is none for a while."""

    def __init__(self, reactor: Any, workers: Workers, settings: Preview) -> None:
        """`workers` start processes, and see their ends."""
        self._reactor = reactor
        self._workers = workers
        self._settings = settings
        self._paths = json.dumps([os.path.abspath(path) for path in sys.path])
        self._idle: list[tuple[Painter, Any]] = []
        self._all: set[Painter] = set()
        self._queue: deque[Deferred[None]] = deque()
        self._closed = False
        self._stopped: Deferred[None] | None = None
        self.busy = 0
        """Pictures that are being made."""
        self.started = 0
        """Processes so far."""

    @property
    def waiting(self) -> int:
        """Pictures that wait for a process."""
        return len(self._queue)

    async def paint(self, order: Order, content: Callable[[], AsyncIterator[bytes]], wanted: Callable[[], bool]) -> Picture:
        """Make a picture from `content`, which has as many bytes as the order says; it is not asked for while there is no process
        to give it to. `wanted` tells whether somebody still waits for it when its turn comes.

        Raises `NoPicture`, `Overloaded` if too many wait, `Disconnected` if it is not wanted any more, and what reading raises.
        """
        await self._turn()
        try:
            if self._closed:
                raise Overloaded("the gateway stops", RETRY)
            if not wanted():
                raise Disconnected("nobody waits for this picture any more")
            painter = await self._take()
            try:
                return await painter.work(order, content())
            finally:
                self._give_back(painter)
        finally:
            self.busy -= 1
            if self._queue:
                self.busy += 1
                self._queue.popleft().callback(None)

    async def stop(self) -> None:
        """End all processes; whoever waits is sent away."""
        self._closed = True
        for _, timer in self._idle:
            timer.cancel()
        self._idle.clear()
        for painter in list(self._all):
            painter.kill()
        if self._all:
            self._stopped = Deferred()
            timer = self._reactor.callLater(STOP_SECONDS, self._ended)
            await self._stopped
            if timer.active():
                timer.cancel()

    async def _turn(self) -> None:
        if self.busy < self._settings.processes:
            self.busy += 1
            return
        if len(self._queue) >= self._settings.queue:
            raise Overloaded("too many previews are being made at the moment", RETRY)
        turn: Deferred[None] = Deferred()
        self._queue.append(turn)
        try:
            await turn
        except BaseException:
            # Whoever gives up must not be given a turn, which nobody would give back.
            self._queue.remove(turn)
            raise

    async def _take(self) -> Painter:
        while self._idle:
            painter, timer = self._idle.pop()
            timer.cancel()
            if painter.alive:
                return painter
        settings = self._settings
        limits = {
            "seconds": settings.seconds,
            "cpu_seconds": settings.cpu_seconds,
            "memory_bytes": settings.memory_bytes,
            "pixels": settings.pixels,
            "result_bytes": settings.result_bytes,
        }
        painter = Painter(self._reactor, settings.seconds, settings.result_bytes, self._gone)
        command = [sys.executable, "-I", "-c", _START, json.dumps(limits), self._paths]
        environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
        self._all.add(painter)
        try:
            process = await self._workers.run_always(start, command, environment)
        except BaseException as error:
            self._gone(painter)
            if isinstance(error, OSError):
                raise Overloaded("no process can be started for previews at the moment", RETRY) from error
            raise
        Spawned(self._reactor, self._workers, process, painter)
        self.started += 1
        if self._closed:
            painter.kill()
        return painter

    def _give_back(self, painter: Painter) -> None:
        if painter.alive and not self._closed:
            self._idle.append((painter, self._reactor.callLater(self._settings.idle_seconds, self._dismiss, painter)))

    def _dismiss(self, painter: Painter) -> None:
        self._idle = [entry for entry in self._idle if entry[0] is not painter]
        painter.dismiss()

    def _gone(self, painter: Painter) -> None:
        self._all.discard(painter)
        if not self._all:
            self._ended()

    def _ended(self) -> None:
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            stopped.callback(None)
