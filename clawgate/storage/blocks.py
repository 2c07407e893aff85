"""Uploads in pieces to storages that want to know the length of what comes, before it comes.

Each who writes holds a block in memory, which is sent as a whole. Here is what a process knows of these uploads: who writes, and
the checksums of what came in order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import attrs

from ..errors import Locked, UploadGone
from ..mutex import Mutex
from .checksums import Digests

REMEMBERED = 1000
"""Uploads that nobody writes to and of which something is known all the same."""


@attrs.define(eq=False)
class Writer:
    """One call that writes."""

    offset: int
    """Where the first byte of `block` belongs."""
    block: bytearray = attrs.field(factory=bytearray)
    keys: list[str] = attrs.field(factory=list)
    """What was written, where each block has a name of its own."""
    failed: bool = False
    """A block could not be written: what comes after it would lie behind a hole."""


class Work:
    """What this process knows of an upload."""

    def __init__(self) -> None:
        self.writers: set[Writer] = set()
        self.alone = False
        self.gone = False
        self.digests: Digests | None = None
        """Of the bytes up to `position`."""
        self.position = 0
        self.fresh = False
        """Begun here, so that nothing was written that is not known."""
        self._turn = Mutex()

    @contextmanager
    def writing(self, offset: int, *, alone: bool, foreseen: Digests | None) -> Iterator[Writer]:
        """Write from `offset` on, perhaps `alone`. `foreseen`: what is to be worked out of all the content, if this is its
        beginning. Raises `Locked`."""
        if self.alone or (alone and self.writers):
            raise Locked("the upload is in use")
        if self.fresh and self.digests is None:
            self.digests = foreseen
        self.fresh = False
        writer = Writer(offset)
        self.writers.add(writer)
        self.alone = alone
        try:
            yield writer
        finally:
            self.writers.discard(writer)
            self.alone = False

    async def flush(
        self,
        writer: Writer,
        send: Callable[[int, bytes], Awaitable[object]],
        update: Callable[[Digests, bytes], Awaitable[object]],
        most: int | None = None,
    ) -> None:
        """Send what `writer` holds, `most` bytes of it; after a block that failed nothing. `send` gets offset and content;
        `update` adds the content to checksums. Raises `UploadGone`, and what these raise."""
        async with self._turn:
            with memoryview(writer.block) as view:
                block = bytes(view[:most])
            if not block or writer.failed:
                return
            try:
                if self.gone:
                    raise UploadGone("there is no such upload")
                offset = writer.offset
                del writer.block[: len(block)]
                writer.offset += len(block)
                if self.digests is not None and offset <= self.position:
                    if offset == self.position:
                        await update(self.digests, block)
                        self.position += len(block)
                    else:
                        self.digests = None
                await send(offset, block)
            except BaseException:
                self.digests = None
                writer.failed = True
                writer.block.clear()
                raise


class Handles:
    """All uploads of which something is known."""

    def __init__(self) -> None:
        self._work: dict[str, Work] = {}

    def known(self, handle: str) -> Work | None:
        """What is known of an upload; None: nothing."""
        return self._work.get(handle)

    def of(self, handle: str) -> Work:
        """The same, noted down from now on."""
        work = self._work.get(handle)
        if work is None:
            work = self._work[handle] = Work()
            if len(self._work) > REMEMBERED:
                for old in [one for one, known in self._work.items() if not known.writers and one != handle][:1]:
                    del self._work[old]
        return work

    def tidy(self, handle: str) -> None:
        """Forget what need not be known."""
        work = self._work.get(handle)
        if work is not None and not work.writers and work.digests is None:
            del self._work[handle]

    def forget(self, handle: str) -> Work | None:
        """There is no such upload any more; returns what was known."""
        return self._work.pop(handle, None)
