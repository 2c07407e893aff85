"""Work that is done from time to time while the gateway runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from ..errors import ClawgateError
from ..log import make_logger

log = make_logger()


class Chore:
    """Calls one function again and again, with a pause after each call. A failure is logged and does not end it; the same failure
    of what cannot be had for a while is logged once."""

    def __init__(self, clock: Any, name: str, seconds: float, function: Callable[[], Awaitable[object]]) -> None:
        """`seconds` is the pause; `clock` is the reactor."""
        self._clock = clock
        self._name = name
        self._seconds = seconds
        self._function = function
        self._stopping = False
        self._ended: Deferred[None] | None = None

    def start(self) -> None:
        """Begin; the first call comes after the first pause."""
        self._ended = Deferred.fromCoroutine(self._run())

    async def stop(self) -> None:
        """End; a function at work is cancelled."""
        self._stopping = True
        if self._ended is not None:
            # Whatever it waits for, a pause or a storage, need not be awaited any more.
            self._ended.cancel()
            await self._ended

    async def _run(self) -> None:
        said = ""
        while not self._stopping:
            try:
                await deferLater(self._clock, self._seconds)
                await self._function()
                said = ""
            except CancelledError:
                continue
            except ClawgateError as error:
                # A database that is away for an hour need not be told of every second.
                if str(error) != said:
                    said = str(error)
                    log.warn("{name} failed and will be tried again: {error}", name=self._name, error=said)
            except Exception:
                log.failure("{name} failed and will be tried again", name=self._name)
