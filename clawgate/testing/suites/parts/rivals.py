"""Several who write to one upload."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ....errors import ClawgateError, Locked
from ....interfaces import Storage
from ....model.content import Intent
from ....model.path import Path
from ...tools import LARGE, SMALL, Held, body_of, needs, start
from .pieces import OTHER, PIECES, PiecesSuite, sha1


@needs("parts")
class RivalsConformance(PiecesSuite):
    """See `conformance.StorageConformance`."""

    async def test_one_who_writes_alone(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(None)
        for alone in (True, False):
            held = Held(LARGE)
            writing = start(parts.write_at(handle, 0, held.__aiter__(), alone=alone))
            await held.reached
            with pytest.raises(Locked):
                await parts.write_at(handle, 0, body_of(OTHER), alone=True)
            if alone:
                with pytest.raises(Locked):
                    await parts.write_at(handle, len(LARGE), body_of(OTHER))
            else:
                await self.write(parts, handle, [(len(LARGE), SMALL)])
            held.go_on.callback(None)
            assert await writing == len(LARGE)
        assert await parts.write_at(handle, 0, body_of(SMALL), alone=True) == len(SMALL)
        await parts.finish(handle, Path("file"), Intent())
        await self.see_unchanged(storage, {"file": SMALL + LARGE[len(SMALL) :] + SMALL})

    async def test_pieces_at_the_same_time(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(len(LARGE))
        held = [Held(some) for _, some in PIECES]
        writing = [
            start(parts.write_at(handle, offset, body.__aiter__(), compute=("SHA1",)))
            for (offset, _), body in zip(PIECES, held, strict=True)
        ]
        for body in held:
            await body.reached
        for body in held:
            body.go_on.callback(None)
        for (_, some), deferred in zip(PIECES, writing, strict=True):
            assert await deferred == len(some)
        await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(sha1(LARGE),)))
        await self.see_unchanged(storage, {"file": LARGE})

    async def test_nobody_writes_to_what_is_published(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(None)
        held = Held(LARGE, LARGE)
        writing = start(parts.write_at(handle, 0, held.__aiter__()))
        await held.reached
        await parts.finish(handle, Path("file"), Intent(size=200_000))
        held.go_on.callback(None)
        with pytest.raises(ClawgateError):
            await writing
        await self.see_unchanged(storage, {"file": LARGE[:200_000]})
