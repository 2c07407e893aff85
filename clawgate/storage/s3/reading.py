"""Reading one version of an object."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from ...errors import (
    NotFound,
    Overloaded,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageBroken,
    StorageTimeout,
    StorageUnavailable,
)
from ...interfaces import Body, Reader
from .exchange import Exchange
from .facts import Facts
from .failures import Denied


class S3Reader(Reader):
    """Every range is asked for with ``If-Match``: what was replaced meanwhile cannot be read any more, and nothing is mixed."""

    def __init__(self, exchange: Exchange, facts: Facts, name: str) -> None:
        self.node = facts.node(name)
        self._facts = facts
        self._exchange = exchange

    async def stream(self, start: int = 0, stop: int | None = None) -> Body:
        """See `Reader.stream`. Goes on where the connection broke."""
        size = self._facts.size
        if start > size:
            raise RangeNotSatisfiable(size)
        end = size if stop is None else min(stop, size)
        failures = 0
        while start < end:
            try:
                async with aclosing(self._read(start, end)) as coming:
                    async for data in coming:
                        start += len(data)
                        failures = 0
                        yield data
                return
            except (PreconditionFailed, NotFound) as error:
                raise StorageBroken("the file was changed while it was read") from error
            except (StorageUnavailable, StorageTimeout, Overloaded) as error:
                failures += 1
                if failures >= self._exchange.attempts or isinstance(error, (StorageBroken, Denied)):
                    raise
            await self._exchange.pause(failures)

    async def link(self, seconds: int, headers: Mapping[str, str]) -> str | None:
        """See `Reader.link`: a presigned address."""
        query = {f"response-{name.lower()}": value for name, value in headers.items()}
        if self._facts.version:
            query["versionId"] = self._facts.version
        return await self._exchange.link(self._facts.key, seconds, query)

    async def close(self) -> None:
        """See `Reader.close`."""
        return

    def _read(self, start: int, stop: int) -> AsyncGenerator[bytes]:
        facts = self._facts
        return self._exchange.get(facts.key, facts.etag, start, stop, facts.version)
