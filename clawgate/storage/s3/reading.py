"""Reading one version of an object."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.task import deferLater

from ...errors import NotFound, Overloaded, PreconditionFailed, RangeNotSatisfiable, StorageBroken, StorageUnavailable
from ...interfaces import Body, Reader
from .exchange import Exchange
from .facts import Facts

_PAUSE = 0.2
"""Seconds before the second attempt, at most; twice as long before each further one."""


class S3Reader(Reader):
    """Every range is asked for with ``If-Match``: what was replaced meanwhile cannot be read any more, and nothing is mixed."""

    def __init__(self, exchange: Exchange, facts: Facts, name: str, attempts: int) -> None:
        self.node = facts.node(name)
        self._facts = facts
        self._exchange = exchange
        self._attempts = attempts

    async def stream(self, start: int = 0, stop: int | None = None) -> Body:
        """See `Reader.stream`. Goes on where the connection broke."""
        size = self._facts.size
        if start > size:
            raise RangeNotSatisfiable(size)
        end = size if stop is None else min(stop, size)
        failures = 0
        while start < end:
            try:
                async for data in self._exchange.get(self._facts.key, self._facts.etag, start, end):
                    start += len(data)
                    failures = 0
                    yield data
                return
            except (PreconditionFailed, NotFound) as error:
                raise StorageBroken("the file was changed while it was read") from error
            except (StorageUnavailable, Overloaded) as error:
                failures += 1
                if failures >= self._attempts or isinstance(error, StorageBroken):
                    raise
            await pause(self._exchange.reactor, failures)

    async def close(self) -> None:
        """See `Reader.close`."""
        return


async def pause(reactor: Any, failures: int) -> None:
    """Wait a random time before the next attempt, so that not all come back at once."""
    await deferLater(reactor, random.uniform(0, _PAUSE * 2**failures), lambda: None)
