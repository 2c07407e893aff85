"""Checksums of the whole and of each body, however the pieces came."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import pytest

from ....errors import ChecksumMismatch, InvalidRequest
from ....interfaces import Storage
from ....model.content import Checksum, Intent
from ....model.path import Path
from ...tools import LARGE, SMALL, Broken, Held, body_of, breaking, forbidden, needs, start, tree
from .pieces import ORDERS, OTHER, PIECES, WRONG, PiecesSuite, sha1, written_over


@needs("parts")
class ChecksumsConformance(PiecesSuite):
    """See `conformance.StorageConformance`."""

    @pytest.mark.parametrize("order", ORDERS)
    async def test_checksums_of_the_whole(self, storage: Storage, order: str) -> None:
        parts = self.parts(storage)
        foreseen: Sequence[tuple[str, ...]] = ((), ("SHA1",), ("MD5", "SHA1"))
        for compute in foreseen:
            handle = await self.begun(storage, *ORDERS[order], compute=compute)
            before = await tree(storage)
            for wrong in (WRONG, sha1(OTHER + LARGE[1000:]), sha1(LARGE[:-1])):
                with pytest.raises(ChecksumMismatch):
                    await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(wrong,)))
            assert await tree(storage) == before
            written = await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(sha1(LARGE),)))
            assert written.node.checksums == str(sha1(LARGE))
            await self.see_unchanged(storage, {"file": LARGE})

    @pytest.mark.parametrize("seed", range(3))
    async def test_checksums_whatever_is_written(self, storage: Storage, seed: int) -> None:
        parts = self.parts(storage)
        chance = random.Random(seed)
        writes: list[tuple[int, bytes]] = []
        handle = await parts.begin(None)
        for _ in range(40):
            content = written_over(writes)
            # Mostly where clients go on or repeat themselves.
            offset = chance.choice([0, len(content), len(content), *(write[0] for write in writes), chance.randrange(20_000)])
            some = chance.choice([chance.randbytes(chance.choice([1, 700, 30_000])), content[offset:], content[offset:] + SMALL])
            writes.append((offset, some))
            await self.write(parts, handle, writes[-1:], ("SHA1",))
            if chance.random() < 0.3:
                with pytest.raises(ChecksumMismatch):
                    await parts.finish(handle, Path("file"), Intent(checksums=(WRONG,), compute=("MD5",)))
        content = written_over(writes)
        written = await parts.finish(handle, Path("file"), Intent(checksums=(sha1(content),)))
        assert written.node.checksums == str(sha1(content))
        await self.see_unchanged(storage, {"file": content})

    async def test_what_was_not_foreseen_is_computed_at_the_end(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await self.begun(storage, *PIECES, compute=("SHA1",))
        written = await parts.finish(handle, Path("file"), Intent(compute=("MD5", "SHA1")))
        assert written.node.checksums == f"{sha1(LARGE)} MD5:{hashlib.md5(LARGE).hexdigest()}"
        handle = await self.begun(storage, *PIECES, compute=("SHA1",))
        assert (await parts.finish(handle, Path("file"), Intent())).node.checksums == ""

    async def test_a_body_with_checksums(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(None)
        for offset, some in PIECES:
            with pytest.raises(ChecksumMismatch):
                await parts.write_at(handle, offset, body_of(OTHER), compute=("SHA1",), checksums=(sha1(some),))
            both = (sha1(some), Checksum("MD5", hashlib.md5(some).hexdigest()))
            assert await parts.write_at(handle, offset, body_of(some), compute=("SHA1",), checksums=both) == len(some)
        await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(sha1(LARGE),)))
        await self.see_unchanged(storage, {"file": LARGE})

    async def test_unknown_algorithms_are_refused(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await self.begun(storage, (0, SMALL))
        with pytest.raises(InvalidRequest):
            await parts.write_at(handle, 0, forbidden(), compute=("WHIRLPOOL",))
        with pytest.raises(InvalidRequest):
            await parts.write_at(handle, 0, forbidden(), checksums=(Checksum("WHIRLPOOL", "00"),))
        for intent in (Intent(compute=("WHIRLPOOL",)), Intent(checksums=(Checksum("WHIRLPOOL", "00"),))):
            with pytest.raises(InvalidRequest):
                await parts.finish(handle, Path("file"), intent)
        await parts.finish(handle, Path("file"), Intent())
        await self.see_unchanged(storage, {"file": SMALL})

    @pytest.mark.parametrize("again", [False, True], ids=["goes on", "begins again"])
    async def test_a_broken_body_and_checksums(self, storage: Storage, again: bool) -> None:
        parts = self.parts(storage)
        handle = await self.begun(storage, (0, SMALL), compute=("SHA1",))
        with pytest.raises(Broken):
            await parts.write_at(handle, len(SMALL), breaking(LARGE), compute=("SHA1",))
        rest = (len(SMALL), LARGE + SMALL) if again else (len(SMALL + LARGE), SMALL)
        await self.write(parts, handle, [rest], ("SHA1",))
        await parts.finish(handle, Path("file"), Intent(checksums=(sha1(SMALL + LARGE + SMALL),)))
        await self.see_unchanged(storage, {"file": SMALL + LARGE + SMALL})

    async def test_a_write_given_up_and_checksums(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(None)
        held = Held(LARGE)
        writing = start(parts.write_at(handle, 0, held.__aiter__(), compute=("SHA1",)))
        await held.reached
        assert await tree(storage) == {}
        writing.addErrback(lambda failure: None)
        writing.cancel()
        await writing
        await self.write(parts, handle, [(len(LARGE), SMALL)], ("SHA1",))
        await parts.finish(handle, Path("file"), Intent(checksums=(sha1(LARGE + SMALL),)))
        await self.see_unchanged(storage, {"file": LARGE + SMALL})
