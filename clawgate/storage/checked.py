"""Bodies that are measured and verified as they pass."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..errors import LengthMismatch
from ..interfaces import Body
from ..model.content import Intent
from .checksums import Digests


class Checked:
    """A body that is measured as it passes."""

    def __init__(self, body: Body, intent: Intent) -> None:
        """Raises `InvalidRequest` for an unknown algorithm."""
        self.digests = Digests([*intent.compute, *(checksum.algorithm for checksum in intent.checksums)])
        self.length = 0
        self._body = body.__aiter__()
        self._intent = intent
        self._rest = b""
        self._ended = False

    async def some(self, most: int) -> bytes:
        """Up to `most` bytes; none at the end, which has been verified then."""
        if not self._rest and not self._ended:
            try:
                data = await self._body.__anext__()
            except StopAsyncIteration:
                self._ended = True
                self.verify()
                return b""
            self.length += len(data)
            size = self._intent.size
            if size is not None and self.length > size:
                raise LengthMismatch(f"the content is longer than the {size} bytes announced")
            self.digests.update(data)
            self._rest = data
        data, self._rest = self._rest[:most], self._rest[most:]
        return data

    async def block(self, most: int) -> bytes:
        """Exactly `most` bytes, fewer only at the end."""
        return b"".join(await self.chunks(most))

    async def chunks(self, most: int) -> list[bytes]:
        """The same in pieces, as they came."""
        found: list[bytes] = []
        left = most
        while left:
            data = await self.some(left)
            if not data:
                break
            found.append(data)
            left -= len(data)
        return found

    async def exactly(self, length: int) -> AsyncIterator[bytes]:
        """The next `length` bytes. The body must have them."""
        while length:
            data = await self.some(length)
            if not data:
                raise LengthMismatch("the content is shorter than announced")
            length -= len(data)
            yield data

    def verify(self) -> None:
        """Length and checksums of all that passed. Raises `LengthMismatch`, `ChecksumMismatch`."""
        size = self._intent.size
        if size is not None and self.length != size:
            raise LengthMismatch(f"{self.length} bytes came, {size} were announced")
        self.digests.verify(self._intent.checksums)
