"""What every storage has to do: one suite that each driver and each stack of wrappers runs.

A driver's whole test file::

    import pytest
    from clawgate.testing.conformance import StorageConformance

    class TestMine(StorageConformance):
        @pytest.fixture
        def storage(self):
            return MyStorage()

The reactor is pytest-twisted's, which awaits the coroutines. What the storage cannot do the class names, and nothing of it is
collected::

        lacks = frozenset({"trash", "versions"})

Tests of abilities that are neither there nor named are skipped.
"""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ..errors import (
    AlreadyExists,
    ChecksumMismatch,
    ClawgateError,
    InvalidRequest,
    IsAFolder,
    LengthMismatch,
    NotAFolder,
    NotFound,
    ParentMissing,
    PreconditionFailed,
)
from ..interfaces import Copy, Ids, Storage, Times
from ..model.content import Checksum, Intent, Target, Written
from ..model.node import Kind, Node
from ..model.path import ROOT, Path, split
from .history import HistoryConformance
from .parts import PartsConformance
from .tools import (
    LARGE,
    MTIME,
    NAMES,
    SMALL,
    Broken,
    Held,
    body_of,
    breaking,
    children,
    forbidden,
    get,
    needs,
    outcomes,
    put,
    start,
    tree,
)

__all__ = [
    "LARGE",
    "MTIME",
    "NAMES",
    "SMALL",
    "Broken",
    "Held",
    "StorageConformance",
    "body_of",
    "breaking",
    "children",
    "forbidden",
    "get",
    "outcomes",
    "put",
    "start",
    "tree",
]

Act = Callable[..., Coroutine[Any, Any, Node]]
REPLACED = [("file", "other"), ("file", "a"), ("b", "file"), ("b", "a")]


class StorageConformance(PartsConformance, HistoryConformance):
    """Derive, give a fixture ``storage`` (an empty one), and override what is said to be overridable."""

    # Looking

    async def test_root_is_an_empty_folder(self, storage: Storage) -> None:
        root = await storage.stat(ROOT)
        assert (root.name, root.kind) == ("", Kind.FOLDER)
        listing = await storage.list(ROOT)
        assert listing.folder.is_folder
        assert [node async for page in listing.pages for node in page] == []

    async def test_a_listing_and_stat_say_the_same(self, storage: Storage) -> None:
        await storage.make_folder(Path("folder"))
        await put(storage, "folder/file", SMALL, mtime_ns=MTIME)
        await put(storage, "folder/large", LARGE)
        await storage.make_folder(Path("folder/inner"))
        found = await children(storage, "folder")
        assert sorted(found) == ["file", "inner", "large"]
        for name, node in found.items():
            once = await storage.stat(Path(f"folder/{name}"))
            assert once._replace(checksums="") == node._replace(checksums="")
        assert found["file"].size == len(SMALL)
        assert found["file"].mtime_ns == MTIME
        assert found["file"].kind is Kind.FILE
        assert found["inner"].kind is Kind.FOLDER

    async def test_a_listing_may_be_left_unread(self, storage: Storage) -> None:
        await put(storage, "a", SMALL)
        assert (await storage.list(ROOT)).folder.is_folder

    @pytest.mark.parametrize("path", ["gone", "gone/deeper", "file/below"])
    async def test_nothing_is_there(self, storage: Storage, path: str) -> None:
        await put(storage, "file", SMALL)
        for call in (storage.stat, storage.list, storage.read, storage.remove):
            with pytest.raises(NotFound):
                await call(Path(path))
        with pytest.raises(NotFound):
            await storage.move(Path(path), Path("new"), replace=True)

    async def test_a_file_is_no_folder_and_a_folder_no_file(self, storage: Storage) -> None:
        await put(storage, "file", SMALL)
        await storage.make_folder(Path("folder"))
        with pytest.raises(NotAFolder):
            await storage.list(Path("file"))
        with pytest.raises(IsAFolder):
            await storage.read(Path("folder"))
        with pytest.raises(IsAFolder):
            await put(storage, "folder", SMALL)
        with pytest.raises(IsAFolder):
            await storage.write(Path("folder"), forbidden(), Intent(size=len(LARGE)))
        with pytest.raises(ClawgateError):
            await put(storage, "", SMALL)

    @pytest.mark.parametrize("name", NAMES)
    async def test_names_come_back_as_they_were_given(self, storage: Storage, name: str) -> None:
        await storage.make_folder(Path(name))
        await put(storage, f"{name}/{name}", SMALL)
        assert list(await children(storage)) == [name]
        assert list(await children(storage, name)) == [name]
        assert (await storage.stat(Path(f"{name}/{name}"))).name == name
        await storage.move(Path(name), Path("moved"), replace=False)
        assert await get(storage, f"moved/{name}") == SMALL

    async def test_spellings_of_one_letter_are_different_names(self, storage: Storage) -> None:
        composed, decomposed = NAMES[4], NAMES[5]
        await put(storage, composed, b"composed")
        await put(storage, decomposed, b"decomposed")
        assert await tree(storage) == {composed: b"composed", decomposed: b"decomposed"}

    async def test_a_name_too_long_is_refused(self, storage: Storage) -> None:
        for name in ("a" * 256, "é" * 128):
            with pytest.raises((InvalidRequest, NotFound)):
                await storage.stat(Path(name))

    # Reading

    @pytest.mark.parametrize("content", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
    async def test_what_was_written_is_read(self, storage: Storage, content: bytes) -> None:
        written = await put(storage, "file", content)
        assert (written.node.name, written.node.size, written.replaced) == ("file", len(content), False)
        assert await get(storage, "file") == content
        size = len(content)
        for first, end in ((0, size), (0, 1), (size // 2, None), (size // 3, size // 2), (size, None), (0, size + 10)):
            assert await get(storage, "file", first, end) == content[first:end]

    async def test_a_reader_streams_more_than_once(self, storage: Storage) -> None:
        await put(storage, "file", LARGE)
        reader = await storage.read(Path("file"))
        try:
            for _ in range(2):
                assert b"".join([chunk async for chunk in reader.stream(5, 100)]) == LARGE[5:100]
            assert reader.node.size == len(LARGE)
        finally:
            await reader.close()

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    async def test_a_reader_keeps_its_version(self, storage: Storage, content: bytes) -> None:
        await put(storage, "file", content)
        reader = await storage.read(Path("file"))
        await put(storage, "file", b"new")
        assert b"".join([chunk async for chunk in reader.stream()]) == content
        await storage.remove(Path("file"))
        assert b"".join([chunk async for chunk in reader.stream()]) == content
        await reader.close()

    # Writing

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
            written = await put(storage, "file", content, mtime_ns=MTIME)
            assert written.node.mtime_ns == MTIME
            assert (await storage.stat(Path("file"))).mtime_ns == MTIME
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

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    async def test_what_must_still_stand_there(self, storage: Storage, content: bytes) -> None:
        first = await put(storage, "file", b"1", expected=Target.NOTHING)
        with pytest.raises(PreconditionFailed):
            await put(storage, "file", content, expected=Target.NOTHING)
        with pytest.raises(PreconditionFailed):
            await put(storage, "gone", content, expected=first.node.seen)
        second = await put(storage, "file", b"2", expected=first.node.seen)
        with pytest.raises(PreconditionFailed):
            await put(storage, "file", content, expected=first.node.seen)
        await self.see_unchanged(storage, {"file": b"2"})
        listed = (await children(storage))["file"].seen
        assert listed == second.node.seen
        await put(storage, "file", content, expected=listed)
        await self.see_unchanged(storage, {"file": content})

    async def test_a_condition_is_checked_at_the_end(self, storage: Storage) -> None:
        first = await put(storage, "file", b"1")
        for path, expected in (("file", first.node.seen), ("new", Target.NOTHING)):
            held = Held(LARGE)
            writing = start(storage.write(Path(path), held.__aiter__(), Intent(size=len(LARGE), expected=expected)))
            await held.reached
            await put(storage, path, b"2")
            held.go_on.callback(None)
            with pytest.raises(PreconditionFailed):
                await writing
        await self.see_unchanged(storage, {"file": b"2", "new": b"2"})

    # Writers at the same time

    async def test_of_many_new_files_one_wins(self, storage: Storage) -> None:
        contents = [bytes([65 + n]) * (1 if n % 2 else 100_000) for n in range(8)]
        results = await outcomes(put(storage, "file", content, expected=Target.NOTHING) for content in contents)
        assert sum(isinstance(result, Written) for result in results) == 1
        assert all(isinstance(result, (Written, PreconditionFailed)) for result in results)
        winner = next(n for n, result in enumerate(results) if isinstance(result, Written))
        await self.see_unchanged(storage, {"file": contents[winner]})

    async def test_of_many_replacements_one_wins(self, storage: Storage) -> None:
        first = await put(storage, "file", b"old")
        contents = [bytes([65 + n]) * (1 if n % 2 else 100_000) for n in range(8)]
        results = await outcomes(put(storage, "file", content, expected=first.node.seen) for content in contents)
        assert sum(isinstance(result, Written) for result in results) == 1
        winner = next(n for n, result in enumerate(results) if isinstance(result, Written))
        await self.see_unchanged(storage, {"file": contents[winner]})

    async def test_unconditional_writers_never_mix(self, storage: Storage) -> None:
        contents = [bytes([65 + n]) * 200_000 for n in range(8)]
        results = await outcomes(put(storage, "file", content) for content in contents)
        assert all(isinstance(result, Written) for result in results)
        assert await get(storage, "file") in contents
        assert await self.leftovers(storage) == []

    async def test_of_many_new_folders_one_wins(self, storage: Storage) -> None:
        results = await outcomes(storage.make_folder(Path("folder")) for _ in range(8))
        assert sum(isinstance(result, Node) for result in results) == 1
        assert sum(isinstance(result, AlreadyExists) for result in results) == 7

    # Folders

    async def test_make_folder(self, storage: Storage) -> None:
        node = await storage.make_folder(Path("folder"))
        assert (node.name, node.kind) == ("folder", Kind.FOLDER)
        await put(storage, "file", SMALL)
        for path in ("folder", "file", ""):
            with pytest.raises(AlreadyExists):
                await storage.make_folder(Path(path))
        await self.see_unchanged(storage, {"folder": None, "file": SMALL})

    async def test_a_folder_is_seen_to_change(self, storage: Storage) -> None:
        async def mark() -> str:
            node = await storage.stat(Path("folder"))
            return node.etag or node.seen

        await storage.make_folder(Path("folder"))
        marks = {await mark()}
        await put(storage, "folder/a", SMALL)
        marks.add(await mark())
        await storage.remove(Path("folder/a"))
        marks.add(await mark())
        assert len(marks) == 3

    async def test_remove(self, storage: Storage) -> None:
        for path in ("folder", "folder/inner"):
            await storage.make_folder(Path(path))
        await put(storage, "folder/inner/file", SMALL)
        await put(storage, "file", SMALL)
        await storage.remove(Path("folder"))
        assert await tree(storage) == {"file": SMALL}
        await storage.remove(Path("file"))
        await self.see_unchanged(storage, {})
        with pytest.raises(ClawgateError):
            await storage.remove(ROOT)

    # Moving

    async def some(self, storage: Storage) -> None:
        """A few files and folders."""
        for path in ("a", "a/deep", "b"):
            await storage.make_folder(Path(path))
        for path in ("a/one", "a/deep/two", "b/three", "file", "other"):
            await put(storage, path, path.encode(), mtime_ns=MTIME)

    async def test_move(self, storage: Storage) -> None:
        await self.some(storage)
        for source, target in (("file", "renamed"), ("renamed", "a/file"), ("a", "b/a"), ("b/a/deep", "deep")):
            node = await storage.move(Path(source), Path(target), replace=False)
            assert node.name == split(Path(target))[1]
        assert await tree(storage) == {
            "b": None,
            "b/a": None,
            "b/a/file": b"file",
            "b/a/one": b"a/one",
            "b/three": b"b/three",
            "deep": None,
            "deep/two": b"a/deep/two",
            "other": b"other",
        }
        assert (await storage.stat(Path("b/a/file"))).mtime_ns == MTIME

    @pytest.mark.parametrize(("source", "target"), REPLACED)
    async def test_replacing(self, storage: Storage, source: str, target: str) -> None:
        await self.replace(storage, storage.move, source, target, stays=False)

    @needs("copy")
    @pytest.mark.parametrize(("source", "target"), REPLACED)
    async def test_replacing_by_a_copy(self, storage: Storage, source: str, target: str) -> None:
        await self.replace(storage, self.copies(storage).copy, source, target, stays=True)

    async def replace(self, storage: Storage, act: Act, source: str, target: str, *, stays: bool) -> None:
        """Put something in the place of something else; `stays`: it stays where it was as well."""
        await self.some(storage)
        before = await tree(storage)
        with pytest.raises(AlreadyExists):
            await act(Path(source), Path(target), replace=False)
        await self.see_unchanged(storage, before)
        await act(Path(source), Path(target), replace=True)
        expected = {path: content for path, content in before.items() if path != target and not path.startswith(target + "/")}
        for path, content in before.items():
            if path == source or path.startswith(source + "/"):
                expected[target + path[len(source) :]] = content
                if not stays:
                    del expected[path]
        await self.see_unchanged(storage, expected)

    async def test_nothing_goes_into_itself(self, storage: Storage) -> None:
        await self.some(storage)
        before = await tree(storage)
        for source, target in (("a", "a/new"), ("a", "a/deep"), ("a", "a/deep/new"), ("a/deep", "a"), ("a/deep/two", "a")):
            with pytest.raises(InvalidRequest):
                await storage.move(Path(source), Path(target), replace=True)
        with pytest.raises(ClawgateError):
            await storage.move(ROOT, Path("a"), replace=True)
        with pytest.raises(ClawgateError):
            await storage.move(Path("a"), ROOT, replace=True)
        assert (await storage.move(Path("a"), Path("a"), replace=True)).name == "a"
        await self.see_unchanged(storage, before)

    # Abilities

    def ids(self, storage: Storage) -> Ids:
        """The ability, or the test is skipped."""
        if storage.abilities.ids is None:
            pytest.skip("no ids")
        return storage.abilities.ids

    def copies(self, storage: Storage) -> Copy:
        """The ability, or the test is skipped."""
        if storage.abilities.copy is None:
            pytest.skip("no copies")
        return storage.abilities.copy

    def times(self, storage: Storage) -> Times:
        """The ability, or the test is skipped."""
        if storage.abilities.times is None:
            pytest.skip("no times")
        return storage.abilities.times

    async def id_of(self, storage: Storage, path: str) -> str:
        """The id of one node."""
        folder, name = split(Path(path))
        return (await self.ids(storage).identify(folder, [name]))[name].id

    @needs("ids")
    async def test_ids_are_different(self, storage: Storage) -> None:
        ids = self.ids(storage)
        await self.some(storage)
        paths = ["", *await tree(storage)]
        assert len({await self.id_of(storage, path) for path in paths}) == len(paths)
        found = await ids.identify(ROOT, ["", "a", "gone", "file"])
        assert sorted(found) == ["", "a", "file"]
        assert found["a"] == (await ids.identify(Path("a"), [""]))[""]
        with pytest.raises(NotFound):
            await ids.identify(Path("gone"), [""])

    @needs("ids")
    async def test_ids_survive_moves(self, storage: Storage) -> None:
        await self.some(storage)
        moved, below, file = [await self.id_of(storage, path) for path in ("a", "a/deep/two", "file")]
        await storage.move(Path("a"), Path("b/moved"), replace=False)
        assert await self.id_of(storage, "b/moved") == moved
        assert await self.id_of(storage, "b/moved/deep/two") == below
        await storage.move(Path("file"), Path("other"), replace=True)
        assert await self.id_of(storage, "other") == file

    @needs("ids")
    async def test_ids_survive_overwrites(self, storage: Storage) -> None:
        ids = self.ids(storage)
        first = await put(storage, "file", b"1")
        id = await self.id_of(storage, "file")
        owns = {(await ids.identify(ROOT, ["file"]))["file"].own}
        assert first.identity is None or first.identity.id == id
        for content in (SMALL, LARGE):
            written = await put(storage, "file", content)
            identity = (await ids.identify(ROOT, ["file"]))["file"]
            assert written.identity is None or written.identity == identity
            assert identity.id == id
            owns.add(identity.own)
        assert len(owns) == 3
        await put(storage, "other", SMALL, id="an-id-of-ours")
        assert await self.id_of(storage, "other") == "an-id-of-ours"
        await storage.move(Path("other"), Path("file"), replace=True)
        assert await self.id_of(storage, "file") == "an-id-of-ours"

    @needs("ids")
    async def test_a_new_file_under_an_old_name_has_a_new_id(self, storage: Storage) -> None:
        self.ids(storage)
        await put(storage, "file", SMALL)
        id = await self.id_of(storage, "file")
        await storage.remove(Path("file"))
        await put(storage, "file", SMALL)
        assert await self.id_of(storage, "file") != id

    @needs("ids")
    async def test_ids_can_be_pinned(self, storage: Storage) -> None:
        ids = self.ids(storage)
        await self.some(storage)
        for path in ("file", "a"):
            await ids.pin(Path(path), f"pinned-{path}")
            assert await self.id_of(storage, path) == f"pinned-{path}"
        await storage.move(Path("a"), Path("c"), replace=False)
        assert await self.id_of(storage, "c") == "pinned-a"
        assert (await storage.stat(Path("file"))).mtime_ns == MTIME
        with pytest.raises(NotFound):
            await ids.pin(Path("gone"), "x")

    @needs("ids")
    async def test_checksums_are_kept_with_the_content(self, storage: Storage) -> None:
        ids = self.ids(storage)
        await put(storage, "file", SMALL, compute=("SHA1",))
        checksums = f"SHA1:{hashlib.sha1(SMALL).hexdigest()}"
        assert (await ids.identify(ROOT, ["file"]))["file"].checksums == checksums
        if storage.abilities.times is not None:
            await storage.abilities.times.touch(Path("file"), MTIME)
            assert (await ids.identify(ROOT, ["file"]))["file"].checksums == checksums
        await put(storage, "file", b"other")
        assert (await ids.identify(ROOT, ["file"]))["file"].checksums == ""

    @needs("copy")
    async def test_copy(self, storage: Storage) -> None:
        copies = self.copies(storage)
        await self.some(storage)
        await put(storage, "a/large", LARGE)
        before = await tree(storage)
        node = await copies.copy(Path("a"), Path("b/copy"), replace=False)
        assert (node.name, node.kind) == ("copy", Kind.FOLDER)
        file = await copies.copy(Path("file"), Path("file copy"), replace=False)
        assert (file.mtime_ns, file.size) == (MTIME, 4)
        shallow = await copies.copy(Path("a"), Path("shallow"), replace=False, deep=False)
        assert shallow.is_folder
        expected = before | {path.replace("a", "b/copy", 1): before[path] for path in before if path.split("/")[0] == "a"}
        await self.see_unchanged(storage, expected | {"file copy": b"file", "shallow": None})
        assert (await storage.stat(Path("b/copy/deep/two"))).mtime_ns == MTIME
        if storage.abilities.ids is not None:
            assert await self.id_of(storage, "a/one") != await self.id_of(storage, "b/copy/one")
            assert await self.id_of(storage, "a") != await self.id_of(storage, "b/copy")

    @needs("copy")
    async def test_copies_of_what_is_not_there_or_cannot_be(self, storage: Storage) -> None:
        copies = self.copies(storage)
        await self.some(storage)
        before = await tree(storage)
        with pytest.raises(NotFound):
            await copies.copy(Path("gone"), Path("new"), replace=True)
        with pytest.raises(ParentMissing):
            await copies.copy(Path("file"), Path("gone/new"), replace=True)
        for source, target in (("a", "a/new"), ("a", "a/deep"), ("a/deep", "a"), ("a", "a"), ("", "new")):
            with pytest.raises(InvalidRequest):
                await copies.copy(Path(source), Path(target), replace=True)
        await self.see_unchanged(storage, before)

    @needs("times")
    async def test_touch(self, storage: Storage) -> None:
        times = self.times(storage)
        await self.some(storage)
        for path in ("file", "a"):
            before = await storage.stat(Path(path))
            node = await times.touch(Path(path), MTIME + 1)
            assert (node.name, node.mtime_ns) == (path, MTIME + 1)
            assert (await storage.stat(Path(path))).mtime_ns == MTIME + 1
            assert node.seen != before.seen
        with pytest.raises(NotFound):
            await times.touch(Path("gone"), MTIME)

    @needs("quota")
    async def test_room(self, storage: Storage) -> None:
        if storage.abilities.quota is None:
            pytest.skip("no quota")
        await put(storage, "file", SMALL)
        room = await storage.abilities.quota.room()
        assert room.used is None or room.used >= len(SMALL)
        assert room.available is None or room.available >= 0
