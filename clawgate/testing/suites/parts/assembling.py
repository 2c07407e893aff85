"""Uploads that are made of pieces of others."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ....errors import LengthMismatch, UploadGone
from ....interfaces import Piece, Storage
from ....model.content import Intent
from ....model.path import Path
from ...tools import LARGE, SMALL, get, needs
from .pieces import NO_HANDLES, PIECES, PiecesSuite, sha1, written_over


@needs("parts")
class AssemblingConformance(PiecesSuite):
    """See `conformance.StorageConformance`."""

    async def test_assembling(self, storage: Storage) -> None:
        parts = self.parts(storage)
        one = await self.begun(storage, *PIECES, (len(LARGE) + 100_000, SMALL))
        two = await self.begun(storage, (0, SMALL))
        content = written_over([(0, LARGE), (len(LARGE) + 100_000, SMALL)])
        pieces = [
            Piece(one, 5, 300_000),
            Piece(two, 0, 13),
            Piece(one, 0, 5),
            Piece(one, 500_000, len(content)),
            Piece(two, 3, 3),
        ]
        expected = content[5:300_000] + SMALL + content[:5] + content[500_000:]
        for _ in range(2):
            handle = await parts.assemble(pieces)
            assert len({one, two, handle}) == 3
            await self.write(parts, handle, [(len(expected), SMALL)])
            await parts.finish(handle, Path("file"), Intent(checksums=(sha1(expected + SMALL),)))
            assert await get(storage, "file") == expected + SMALL
        # The pieces are what they were.
        await parts.finish(one, Path("one"), Intent(checksums=(sha1(content),)))
        await parts.finish(two, Path("two"), Intent(checksums=(sha1(SMALL),)))
        empty = await parts.assemble([])
        await parts.finish(empty, Path("empty"), Intent(size=0))
        await self.see_unchanged(storage, {"file": expected + SMALL, "one": content, "two": SMALL, "empty": b""})

    async def test_what_cannot_be_assembled(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle, gone = await self.begun(storage, (0, LARGE)), await self.begun(storage, (0, LARGE))
        await parts.abort(gone)
        good = Piece(handle, 0, len(LARGE))
        for bad, error in (
            (Piece(handle, 0, len(LARGE) + 1), LengthMismatch),
            (Piece(handle, len(LARGE) + 1, len(LARGE) + 1), LengthMismatch),
            *((Piece(no, 0, 0), UploadGone) for no in (gone, *NO_HANDLES)),
        ):
            with pytest.raises(error):
                await parts.assemble([good, bad])
        await parts.finish(handle, Path("file"), Intent())
        await self.see_unchanged(storage, {"file": LARGE})
