"""What a storage has to do when it is written to: all of it, or nothing."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import hashlib
import time
import zlib

import pytest

from ...errors import ChecksumMismatch, LengthMismatch, ParentMissing
from ...interfaces import Storage
from ...model.content import Checksum, Intent
from ...model.path import Path
from ..tools import LARGE, SMALL, Broken, Held, Suite, body_of, breaking, forbidden, needs, put, start, tree


class WritingConformance(Suite):
    """See `conformance.StorageConformance`."""

    @pytest.mark.parametrize("announced", [True, False])
    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    async def test_overwrite(self, storage: Storage, content: bytes, announced: bool) -> None:
        first = await put(storage, "file", b"old")
        size = len(content) if announced else None
        written = await storage.write(Path("file"), body_of(content), Intent(size=size))
        assert written.replaced
        assert written.node.seen != first.node.seen
        assert await tree(storage) == {"file": content}
        assert (await storage.stat(Path("file"))).seen == written.node.seen
        assert await self.leftovers(storage) == []

    async def test_the_time_is_kept_to_the_nanosecond(self, storage: Storage) -> None:
        for content in (SMALL, LARGE):
            written = await put(storage, "file", content, mtime_ns=self.mtime)
            assert written.node.mtime_ns == self.mtime
            assert (await storage.stat(Path("file"))).mtime_ns == self.mtime
        written = await put(storage, "file", SMALL)
        assert abs(written.node.mtime_ns - time.time_ns()) < 60_000_000_000

    async def test_all_checksums_are_verified(self, storage: Storage) -> None:
        for content in (SMALL, LARGE):
            good = {
                "SHA1": hashlib.sha1(content).hexdigest(),
                "MD5": hashlib.md5(content).hexdigest(),
                "SHA256": hashlib.sha256(content).hexdigest(),
                "ADLER32": f"{zlib.adler32(content):x}",
            }
            for algorithm, value in good.items():
                if algorithm in storage.abilities.checksums:
                    await put(storage, "file", content, checksums=(Checksum(algorithm, value),))
                    with pytest.raises(ChecksumMismatch):
                        await put(storage, "other", content, checksums=(Checksum(algorithm, "0" * len(value)),))
            await self.see_unchanged(storage, {"file": content})

    @needs("checksums")
    async def test_checksums_are_computed(self, storage: Storage) -> None:
        if "SHA1" not in storage.abilities.checksums:
            pytest.skip("no checksums")
        written = await put(storage, "file", LARGE, compute=("SHA1",))
        assert f"SHA1:{hashlib.sha1(LARGE).hexdigest()}" in written.node.checksums.split()

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    @pytest.mark.parametrize("change", [-1, 1])
    async def test_a_wrong_length_changes_nothing(self, storage: Storage, content: bytes, change: int) -> None:
        await put(storage, "file", b"old")
        for path in ("file", "new"):
            with pytest.raises(LengthMismatch):
                await put(storage, path, content, size=len(content) + change)
        await self.see_unchanged(storage, {"file": b"old"})

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    @pytest.mark.parametrize("announced", [True, False])
    async def test_a_body_that_breaks_changes_nothing(self, storage: Storage, content: bytes, announced: bool) -> None:
        await put(storage, "file", b"old")
        for path in ("file", "new"):
            with pytest.raises(Broken):
                await storage.write(Path(path), breaking(content), Intent(size=len(content) + 1 if announced else None))
        await self.see_unchanged(storage, {"file": b"old"})

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    async def test_a_write_given_up_changes_nothing(self, storage: Storage, content: bytes) -> None:
        await put(storage, "file", b"old")
        for path in ("file", "new"):
            held = Held(content)
            writing = start(storage.write(Path(path), held.__aiter__(), Intent(size=len(content))))
            await held.reached
            assert await tree(storage) == {"file": b"old"}
            writing.addErrback(lambda failure: None)
            writing.cancel()
            await writing
        await self.see_unchanged(storage, {"file": b"old"})

    async def test_nothing_shows_before_the_end(self, storage: Storage) -> None:
        await put(storage, "file", b"old")
        held = Held(LARGE)
        writing = start(storage.write(Path("file"), held.__aiter__(), Intent()))
        await held.reached
        assert await tree(storage) == {"file": b"old"}
        held.go_on.callback(None)
        await writing
        await self.see_unchanged(storage, {"file": LARGE})

    async def test_the_folder_must_be_there(self, storage: Storage) -> None:
        await put(storage, "file", SMALL)
        await put(storage, "other", SMALL)
        for path in ("gone/file", "gone/deeper/file", "file/below"):
            with pytest.raises(ParentMissing):
                await put(storage, path, SMALL)
            with pytest.raises(ParentMissing):
                await storage.write(Path(path), forbidden(), Intent(size=len(LARGE)))
            with pytest.raises(ParentMissing):
                await storage.make_folder(Path(path))
            with pytest.raises(ParentMissing):
                await storage.move(Path("other"), Path(path), replace=True)
        await self.see_unchanged(storage, {"file": SMALL, "other": SMALL})
