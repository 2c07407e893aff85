"""What a storage has to do that takes content in pieces; a part of `conformance`."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from ..errors import (
    ChecksumMismatch,
    ClawgateError,
    InvalidRequest,
    IsAFolder,
    LengthMismatch,
    Locked,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
    UploadGone,
)
from ..interfaces import Parts, Piece, Storage
from ..model.content import Checksum, Intent, Target, Written
from ..model.path import ROOT, Path
from .tools import LARGE, MTIME, SMALL, Broken, Held, Suite, body_of, breaking, forbidden, get, needs, put, start, tree

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


@needs("parts")
class PartsConformance(Suite):
    """See `conformance.StorageConformance`."""

    def parts(self, storage: Storage) -> Parts:
        """The ability, or the test is skipped."""
        if storage.abilities.parts is None:
            pytest.skip("no parts")
        return storage.abilities.parts

    async def test_parts_in_any_order(self, storage: Storage) -> None:
        parts = self.parts(storage)
        await put(storage, "file", b"old")
        handle = await parts.begin(len(LARGE))
        cuts = [0, 100, 200_000, 400_001, len(LARGE)]
        for first, end in reversed(list(pairwise(cuts))):
            assert await parts.write_at(handle, first, body_of(LARGE[first:end])) == end - first
        assert await tree(storage) == {"file": b"old"}
        sum = Checksum("SHA1", hashlib.sha1(LARGE).hexdigest())
        written = await parts.finish(handle, Path("file"), Intent(size=len(LARGE), checksums=(sum,), mtime_ns=MTIME))
        assert (written.replaced, written.node.mtime_ns, written.node.size) == (True, MTIME, len(LARGE))
        await self.see_unchanged(storage, {"file": LARGE})
        for call in (parts.finish(handle, Path("new"), Intent()), parts.write_at(handle, 0, body_of(b"x"))):
            with pytest.raises(UploadGone):
                await call
        await self.see_unchanged(storage, {"file": LARGE})

    async def test_a_part_that_breaks_keeps_what_came(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(None)
        with pytest.raises(Broken):
            await parts.write_at(handle, 0, breaking(SMALL))
        await parts.write_at(handle, len(SMALL), body_of(b"more"))
        await parts.finish(handle, Path("file"), Intent())
        await self.see_unchanged(storage, {"file": SMALL + b"more"})

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

    async def test_parts_can_be_given_up(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await parts.begin(None)
        await parts.write_at(handle, 0, body_of(SMALL))
        await parts.abort(handle)
        await parts.abort(handle)
        await parts.abort("../../etc/passwd")
        with pytest.raises(UploadGone):
            await parts.write_at("no such handle", 0, body_of(SMALL))
        await self.see_unchanged(storage, {})

    @needs("janitor")
    async def test_the_janitor_keeps_what_is_named(self, storage: Storage) -> None:
        parts = self.parts(storage)
        if storage.abilities.janitor is None:
            pytest.skip("no janitor")
        await put(storage, "file", SMALL)
        kept, lost = await parts.begin(None), await parts.begin(None)
        await parts.write_at(kept, 0, body_of(LARGE))
        assert await storage.abilities.janitor.sweep(frozenset(), 3600) == 0
        assert await storage.abilities.janitor.sweep(frozenset({kept}), 0) == 1
        with pytest.raises(UploadGone):
            await parts.finish(lost, Path("new"), Intent())
        await parts.finish(kept, Path("new"), Intent())
        await self.see_unchanged(storage, {"file": SMALL, "new": LARGE})

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

    async def test_holes_are_zeros(self, storage: Storage) -> None:
        parts = self.parts(storage)
        handle = await self.begun(storage, (300_000, SMALL), (10, SMALL))
        await parts.finish(handle, Path("file"), Intent())
        await self.see_unchanged(storage, {"file": written_over([(300_000, SMALL), (10, SMALL)])})

    async def test_an_empty_upload(self, storage: Storage) -> None:
        parts = self.parts(storage)
        for path, writes in (("a", ()), ("b", ((0, b""),)), ("c", ((5, b""),))):
            handle = await self.begun(storage, *writes, compute=("SHA1",))
            await parts.finish(handle, Path(path), Intent(size=0, checksums=(sha1(b""),)))
        await self.see_unchanged(storage, {"a": b"", "b": b"", "c": b""})

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

    async def test_the_outcome_of_what_was_published(self, storage: Storage) -> None:
        parts = self.parts(storage)
        await put(storage, "old", b"old")
        await storage.make_folder(Path("folder"))
        for path in ("new", "old"):
            handle = await self.begun(storage, *PIECES)
            assert await parts.published(handle, Path(path)) is None
            intent = Intent(checksums=(sha1(LARGE),), mtime_ns=MTIME)
            written = await parts.finish(handle, Path(path), intent)
            found = await parts.published(handle, Path(path))
            assert found is not None
            assert found.node == written.node
            assert found.identity == written.identity
            if storage.abilities.ids is not None:
                assert found.replaced is written.replaced is (path == "old")
                identity = (await storage.abilities.ids.identify(ROOT, [path]))[path]
                assert found.identity in (None, identity)
            for elsewhere in ("folder", "gone", "gone/file", "new/below", ""):
                assert await parts.published(handle, Path(elsewhere)) is None
            for no in NO_HANDLES:
                assert await parts.published(no, Path(path)) is None
            other = await self.begun(storage)
            assert await parts.published(other, Path(path)) is None
            await parts.abort(other)
        await self.see_unchanged(storage, {"new": LARGE, "old": LARGE, "folder": None})

    @pytest.mark.parametrize("act", ["put", "upload", "move", "remove", "replace"])
    async def test_what_was_published_is_not_there_any_more(self, storage: Storage, act: str) -> None:
        parts = self.parts(storage)
        handle = await self.begun(storage, (0, SMALL))
        await parts.finish(handle, Path("file"), Intent())
        if act == "put":
            await put(storage, "file", SMALL)
        elif act == "upload":
            await parts.finish(await self.begun(storage, (0, SMALL)), Path("file"), Intent())
        elif act == "move":
            await storage.move(Path("file"), Path("elsewhere"), replace=False)
        elif act == "remove":
            await storage.remove(Path("file"))
        else:
            await put(storage, "other", SMALL)
            await storage.move(Path("other"), Path("file"), replace=True)
        assert await parts.published(handle, Path("file")) is None

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

    async def test_absurd_lengths_and_offsets(self, storage: Storage) -> None:
        parts = self.parts(storage)
        for size in (1 << 60, (1 << 63) - 1, 1 << 63, 1 << 70):
            with pytest.raises(QuotaExceeded):
                await parts.begin(size)
        handle = await self.begun(storage, (0, SMALL), compute=("SHA1",))
        for offset in ((1 << 63) - 5, (1 << 63) - 1, 1 << 63, 1 << 70):
            with pytest.raises(QuotaExceeded):
                await parts.write_at(handle, offset, body_of(SMALL))
        written: Written = await parts.finish(handle, Path("file"), Intent(checksums=(sha1(SMALL),)))
        assert written.node.size == len(SMALL)
        await self.see_unchanged(storage, {"file": SMALL})

    async def test_what_is_no_handle(self, storage: Storage) -> None:
        parts = self.parts(storage)
        for handle in NO_HANDLES:
            with pytest.raises(UploadGone):
                await parts.write_at(handle, 0, body_of(SMALL))
            with pytest.raises(UploadGone):
                await parts.write_at(handle, 0, body_of(b""))
            with pytest.raises(UploadGone):
                await parts.finish(handle, Path("file"), Intent())
            await parts.abort(handle)
        await self.see_unchanged(storage, {})
