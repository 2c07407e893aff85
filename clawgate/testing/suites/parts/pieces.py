"""Contents in pieces, and how a suite uploads them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import pytest

from ....interfaces import Parts, Storage
from ....model.content import Checksum
from ...tools import LARGE, Suite, body_of

WRONG = Checksum("SHA1", "0" * 40)
NO_HANDLES = ("", "no such handle", "../../etc/passwd", "0" * 32, "0" * 32 + "-1.00", "0" * 32 + "-../../x", "A" * 32 + "-1.00")
"""What is not a handle, or none that is known."""

Writes = Sequence[tuple[int, bytes]]


def sha1(content: bytes) -> Checksum:
    """The checksum of `content`."""
    return Checksum("SHA1", hashlib.sha1(content).hexdigest())


def written_over(writes: Writes) -> bytes:
    """What is there after all `writes`, each an offset and bytes."""
    content = bytearray()
    for offset, some in writes:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(some)] = some
    return bytes(content)


def pieces_of(content: bytes, *cuts: int) -> list[tuple[int, bytes]]:
    """`content` cut into writes."""
    return [(first, content[first:end]) for first, end in pairwise([0, *cuts, len(content)])]


PIECES = pieces_of(LARGE, 100, 200_000, 400_001)
OTHER = b"#" * 1000
ORDERS: dict[str, Writes] = {
    "in order": PIECES,
    "from the end": PIECES[::-1],
    "the second one first": [PIECES[1], PIECES[0], *PIECES[2:]],
    "the last one early": [PIECES[0], PIECES[3], PIECES[1], PIECES[2]],
    "one twice": [*PIECES[:2], PIECES[1], *PIECES[2:]],
    "the first one again at the end": [*PIECES, PIECES[0]],
    "the last byte again": [*PIECES, (len(LARGE) - 1, LARGE[-1:])],
    "all of it twice": [*PIECES, *PIECES],
    "overlapping": [(0, LARGE[:300_000]), (200_000, LARGE[200_000:])],
    "something else before": [(0, OTHER), *PIECES],
    "something else at the end before": [(len(LARGE) - len(OTHER), OTHER), *PIECES],
    "something else in the middle, put right": [*PIECES[:2], (50, OTHER), (50, LARGE[50:1050]), *PIECES[2:]],
    "something else at the end, put right": [*PIECES, (150, OTHER), (150, LARGE[150:1150])],
    "something else everywhere": [(0, bytes(len(LARGE))), *PIECES],
    "nothing in between": [PIECES[0], (100, b""), (0, b""), (300_000, b""), *PIECES[1:]],
}


class PiecesSuite(Suite):
    """The base of suites of uploads in pieces."""

    def parts(self, storage: Storage) -> Parts:
        """The ability, or the test is skipped."""
        if storage.abilities.parts is None:
            pytest.skip("no parts")
        return storage.abilities.parts

    async def write(self, parts: Parts, handle: str, writes: Writes, compute: Sequence[str] = ()) -> None:
        """Make all `writes`, one after the other."""
        for offset, some in writes:
            assert await parts.write_at(handle, offset, body_of(some), compute=compute) == len(some)

    async def begun(self, storage: Storage, *writes: tuple[int, bytes], compute: Sequence[str] = ()) -> str:
        """The handle of an upload to which `writes` were made."""
        parts = self.parts(storage)
        handle = await parts.begin(None)
        await self.write(parts, handle, writes, compute)
        return handle
