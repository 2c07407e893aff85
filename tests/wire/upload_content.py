"""What is uploaded: as much as wanted, made up as it is needed, so that it need not be held."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

PIECE = 200_000
PERIOD = (1 << 20) + 7
"""After so many bytes a content repeats itself: no multiple of anything that chunks are cut by."""


class Content:
    """Bytes made up as they are needed, the same each time."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.period = max(1, min(size, PERIOD))
        self.base = memoryview(random.Random(seed).randbytes(self.period) * 2)

    def pieces(self, start: int = 0, stop: int | None = None, piece: int = PIECE) -> Iterator[memoryview]:
        """The bytes from `start` to `stop`, at most `piece` at a time."""
        stop = self.size if stop is None else stop
        while start < stop:
            length = min(piece, self.period, stop - start)
            yield self.base[start % self.period :][:length]
            start += length

    def bytes(self, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join(self.pieces(start, stop))

    def digest(self, algorithm: str = "sha1") -> str:
        state = hashlib.new(algorithm)
        for piece in self.pieces():
            state.update(piece)
        return state.hexdigest()

    def is_in(self, file: Path) -> bool:
        """Whether the file holds this and nothing else."""
        if file.stat().st_size != self.size:
            return False
        with file.open("rb") as there:
            return all(there.read(len(piece)) == piece for piece in self.pieces(piece=PERIOD))


class Section(Content):
    """A part of another content."""

    def __init__(self, content: Content, start: int, stop: int) -> None:
        self.size = stop - start
        self.outer = content
        self.start = start

    def pieces(self, start: int = 0, stop: int | None = None, piece: int = PIECE) -> Iterator[memoryview]:
        stop = self.size if stop is None else stop
        return self.outer.pieces(self.start + start, self.start + stop, piece)
