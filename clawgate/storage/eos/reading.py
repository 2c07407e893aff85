"""Reading one version of a file."""

from __future__ import annotations

from contextlib import aclosing

from ...errors import NotFound, Overloaded, PreconditionFailed, RangeNotSatisfiable, StorageBroken, StorageUnavailable
from ...interfaces import Body, Reader
from ...model.node import Node
from .facts import bare
from .ground import Ground
from .transfer import fetch, open_read


class EosReader(Reader):
    """Every range is a handshake of its own, and must come from the version that was opened; what was replaced meanwhile cannot
    be read any more."""

    def __init__(self, ground: Ground, full: str, node: Node, etag: str) -> None:
        self.node = node
        self._ground = ground
        self._full = full
        self._etag = etag

    async def stream(self, start: int = 0, stop: int | None = None) -> Body:
        """See `Reader.stream`. Goes on where the connection broke."""
        size = self.node.size
        if start > size:
            raise RangeNotSatisfiable(size)
        # EOS refuses a range that ends behind the end.
        end = size if stop is None else min(stop, size)
        ground, failures = self._ground, 0
        while start < end:
            try:
                shaken = await open_read(ground.instance, ground.who, self._full)
                if not shaken.url or (shaken.etag and bare(shaken.etag) != self._etag):
                    raise StorageBroken("the file was changed while it was read")
                ranged = (await ground.metadata.release(ground.who)).ranges
                fetching = fetch(ground.instance, shaken.url, size, start, end, self._etag, ranged=ranged)
                async with aclosing(fetching) as chunks:
                    async for data in chunks:
                        start += len(data)
                        failures = 0
                        yield data
                return
            except (PreconditionFailed, NotFound) as error:
                raise StorageBroken("the file was changed while it was read") from error
            except (StorageUnavailable, Overloaded) as error:
                failures += 1
                if failures >= ground.options.attempts or isinstance(error, StorageBroken):
                    raise
            await ground.instance.pause(failures)

    async def close(self) -> None:
        """See `Reader.close`."""
        return
