"""Content on its way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from ..model.node import Node

Body = AsyncIterator[bytes]
"""Content on its way: chunks of any size, none empty. The consumer's pace is the producer's."""


class FileSlice(NamedTuple):
    """An open descriptor and a range of it, for servers that can send from the kernel (sendfile)."""

    fd: int
    start: int
    stop: int
    version: tuple[int, int] | None = None
    """Size and modification time (ns) of what was opened; None: as they are when the sending begins."""


class Reader(ABC):
    """One opened version of a file: what `node` says and what `stream` gives belong together.

    If the file is changed while it is read so that the promise cannot be kept, `stream` raises `StorageBroken`: the transfer is
    cut, never completed with wrong bytes.
    """

    node: Node
    own: str = ""
    """`Identity.own` of what was opened; empty where the storage has no ids."""

    @abstractmethod
    def stream(self, start: int = 0, stop: int | None = None) -> Body:
        """Bytes from `start` up to (not including) `stop`; None: to the end. May be called several times, one after the other."""

    def slice(self, start: int, stop: int) -> FileSlice | None:
        """The same range as a descriptor, valid until `close`; None if the storage has no descriptors."""
        return None

    async def link(self, seconds: int, headers: Mapping[str, str]) -> str | None:
        """An address at which a client may fetch the whole file by itself, without credentials, for so many seconds; None if the
        storage has none. `headers` are what the answer there is to say (``Content-Type``, ``Content-Disposition``,
        ``Cache-Control``). It leads to what stands there then, which may be another version."""
        return None

    @abstractmethod
    async def close(self) -> None:
        """Let go of the file. Must be called exactly once."""
