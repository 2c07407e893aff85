"""Uploads in pieces in memory: the shortest reading of what a driver has to do for them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from ..errors import LengthMismatch, Locked, QuotaExceeded, UploadGone
from ..interfaces import Body, Parts, Piece
from ..model.content import Checksum, Intent, Written
from ..model.path import Path
from .checksums import Digests

_MOST = 1 << 32
"""Bytes of one upload: a hole costs as much as content here."""


class _Part:
    def __init__(self, begun: int, content: bytes = b"") -> None:
        self.begun = begun
        self.content = bytearray(content)
        self.writers = 0
        self.alone = False


class MemoryParts(Parts):
    """Handles hold the name by which the file will be known when it is published."""

    def __init__(
        self,
        own: Callable[[], str],
        publish: Callable[[Path, bytes, Intent, str], Written],
        outcome: Callable[[Path, str], Written | None],
        clock: Callable[[], int],
    ) -> None:
        """`own` makes a name that nobody else has, `publish` a file that bears it, and `outcome` finds that; `clock` gives
        nanoseconds since 1970."""
        self._own = own
        self._publish = publish
        self._outcome = outcome
        self._clock = clock
        self._parts: dict[str, _Part] = {}

    async def begin(self, size: int | None) -> str:
        """See `Parts.begin`."""
        _check(size or 0)
        return self._add(b"")

    async def write_at(
        self,
        handle: str,
        offset: int,
        body: Body,
        *,
        alone: bool = False,
        compute: Sequence[str] = (),
        checksums: Sequence[Checksum] = (),
    ) -> int:
        """See `Parts.write_at`. Checksums of the whole are worked out at the end."""
        Digests(compute)
        digests = Digests(checksum.algorithm for checksum in checksums)
        part = self._part(handle)
        if part.alone or (alone and part.writers):
            raise Locked("the upload is in use")
        part.writers += 1
        part.alone = alone
        written = 0
        try:
            async for chunk in body:
                self._part(handle)
                start, stop = offset + written, offset + written + len(chunk)
                _check(stop)
                part.content.extend(bytes(max(0, start - len(part.content))))
                part.content[start:stop] = chunk
                digests.update(chunk)
                written += len(chunk)
        finally:
            part.writers -= 1
            part.alone = False
        digests.verify(checksums)
        return written

    async def assemble(self, pieces: Sequence[Piece]) -> str:
        """See `Parts.assemble`."""
        content = bytearray()
        for handle, start, stop in pieces:
            part = self._part(handle)
            if not 0 <= start <= stop <= len(part.content):
                raise LengthMismatch(f"{len(part.content)} bytes came, and the piece reaches from {start} to {stop}")
            _check(len(content) + stop - start)
            content += part.content[start:stop]
        return self._add(content)

    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """See `Parts.finish`."""
        written = self._publish(path, bytes(self._part(handle).content[: intent.size]), intent, _own_in(handle))
        del self._parts[handle]
        return written

    async def published(self, handle: str, path: Path) -> Written | None:
        """See `Parts.published`."""
        return self._outcome(path, _own_in(handle))

    async def abort(self, handle: str) -> None:
        """See `Parts.abort`."""
        self._parts.pop(handle, None)

    def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """See `Janitor.sweep`."""
        now = self._clock()
        old = [
            handle
            for handle, part in self._parts.items()
            if handle not in keep and now - part.begun >= older_than * 1_000_000_000
        ]
        for handle in old:
            del self._parts[handle]
        return len(old)

    def _add(self, content: bytes | bytearray) -> str:
        handle = f"{secrets.token_hex(16)}-{self._own()}"
        self._parts[handle] = _Part(self._clock(), bytes(content))
        return handle

    def _part(self, handle: str) -> _Part:
        part = self._parts.get(handle)
        if part is None:
            raise UploadGone("there is no such upload")
        return part


def _own_in(handle: str) -> str:
    return handle.partition("-")[2]


def _check(size: int) -> None:
    if size > _MOST:
        raise QuotaExceeded("an upload of this size does not fit into memory")
