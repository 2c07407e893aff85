"""The end of an upload in pieces: what is refused can be tried again, what was announced is all there is."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import pytest

from ....errors import ChecksumMismatch, ClawgateError, IsAFolder, LengthMismatch, ParentMissing, PreconditionFailed
from ....interfaces import Storage
from ....model.content import Checksum, Intent, Target
from ....model.path import Path
from ...tools import LARGE, SMALL, body_of, needs, put, tree
from .pieces import OTHER, PIECES, WRONG, PiecesSuite, sha1


@needs("parts")
class FinishingConformance(PiecesSuite):
    """See `conformance.StorageConformance`."""

    async def test_a_finish_that_fails_can_be_repeated(self, storage: Storage) -> None:
        parts = self.parts(storage)
        first = await put(storage, "file", b"old")
        handle = await parts.begin(len(SMALL))
        await parts.write_at(handle, 0, body_of(SMALL))
        wrong = Checksum("SHA1", "0" * 40)
        for intent, error in (
            (Intent(size=len(SMALL) + 1), LengthMismatch),
            (Intent(checksums=(wrong,)), ChecksumMismatch),
            (Intent(expected=Target.NOTHING), PreconditionFailed),
            (Intent(expected=first.node.seen + "0"), PreconditionFailed),
        ):
            with pytest.raises(error):
                await parts.finish(handle, Path("file"), intent)
        with pytest.raises(ParentMissing):
            await parts.finish(handle, Path("gone/file"), Intent())
        assert await tree(storage) == {"file": b"old"}
        await parts.finish(handle, Path("file"), Intent(expected=first.node.seen))
        await self.see_unchanged(storage, {"file": SMALL})

    async def test_whatever_fails_at_the_end_it_can_be_tried_again(self, storage: Storage) -> None:
        parts = self.parts(storage)
        await storage.make_folder(Path("folder"))
        first = await put(storage, "file", b"old")
        before = await tree(storage)
        handle = await self.begun(storage, *PIECES, compute=("SHA1",))
        size = len(LARGE)
        for path, intent, error in (
            ("folder", Intent(size=size), IsAFolder),
            ("gone/file", Intent(size=size), ParentMissing),
            ("file/below", Intent(size=size), ParentMissing),
            ("file", Intent(size=size + 1), LengthMismatch),
            ("file", Intent(size=size, checksums=(WRONG,)), ChecksumMismatch),
            ("file", Intent(size=size, expected=Target.NOTHING), PreconditionFailed),
            ("file", Intent(size=size, expected=first.node.seen + "0"), PreconditionFailed),
            ("new", Intent(size=size, expected=first.node.seen), PreconditionFailed),
            ("", Intent(size=size), ClawgateError),
        ):
            for _ in range(2):
                with pytest.raises(error):
                    await parts.finish(handle, Path(path), intent)
                assert await parts.published(handle, Path("file")) is None
        assert await tree(storage) == before
        await self.write(parts, handle, [(size, SMALL)], ("SHA1",))
        whole = LARGE + SMALL
        await parts.finish(handle, Path("file"), Intent(size=len(whole), checksums=(sha1(whole),), expected=first.node.seen))
        await self.see_unchanged(storage, {"folder": None, "file": whole})

    async def test_what_is_too_much_is_cut_off(self, storage: Storage) -> None:
        parts = self.parts(storage)
        for compute in ((), ("SHA1",)):
            handle = await self.begun(storage, (0, LARGE), (len(LARGE), OTHER), (len(LARGE) + 300_000, OTHER), compute=compute)
            written = await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(sha1(LARGE),)))
            assert written.node.size == len(LARGE)
            await self.see_unchanged(storage, {"file": LARGE})

    async def test_what_is_refused_is_not_cut(self, storage: Storage) -> None:
        parts = self.parts(storage)
        await put(storage, "file", b"old")
        handle = await self.begun(storage, (0, LARGE), compute=("SHA1",))
        for path, intent, error in (
            ("new", Intent(size=100, checksums=(WRONG,)), ChecksumMismatch),
            ("file", Intent(size=100, expected=Target.NOTHING), PreconditionFailed),
            ("gone/file", Intent(size=100), ParentMissing),
        ):
            with pytest.raises(error):
                await parts.finish(handle, Path(path), intent)
        await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(sha1(LARGE),)))
        await self.see_unchanged(storage, {"file": LARGE})
