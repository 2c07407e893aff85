"""Looking for what others have changed in a bucket: by listings alone, and with the index."""

from __future__ import annotations

import time

import pytest
from twisted.internet import reactor

from clawgate.errors import StorageUnavailable
from clawgate.index import schema
from clawgate.index.index import Index
from clawgate.model.path import ROOT, Path
from clawgate.state.engine import Database
from clawgate.storage.wrappers.indexed import Indexed
from clawgate.testing.tools import SMALL, children, put
from clawgate.workers import Workers

from ...index.outside import AT_ONCE, agrees, known, learn, scanner
from .conftest import blockon


class Bucket:
    """What others do to the part of the bucket that is mounted."""

    def __init__(self, mounted):
        self.client = mounted.client
        self.bucket = mounted.bucket
        self.prefix = mounted.options.prefix

    def put(self, path, content=b"1", **more):
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + path, Body=content, **more)

    def remove(self, path):
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + path)

    def copy(self, source, target):
        """As `aws s3 cp`: metadata go along."""
        source = {"Bucket": self.bucket, "Key": self.prefix + source}
        self.client.copy_object(Bucket=self.bucket, Key=self.prefix + target, CopySource=source)

    def move(self, source, target):
        self.copy(source, target)
        self.remove(source)


def calls(mounted):
    found = dict(mounted.calls)
    mounted.calls.clear()
    return found


@pytest.fixture
def fresh(moto, mount):
    """A part of a bucket with an index that knows what the gateway wrote; a page is five keys."""
    return part(moto, mount)


def part(moto, mount, **options):
    mounted = blockon(mount(moto, keys=5, **options))
    mounted.storage.recalling = False
    mounted.others = Bucket(mounted)
    calls(mounted)
    return mounted


@pytest.fixture
def indexed(moto, mount, tmp_path):
    """The same with an index, as a gateway has it."""
    fresh = part(moto, mount, marks=False)
    workers = Workers(reactor, "index", 2, 100)
    workers.start()
    database = Database(f"sqlite:///{tmp_path}/index.db", workers, schema.SCHEMA, synchronous="NORMAL")

    async def make():
        await database.start()
        index = Index(database, 1000, 30, gone_seconds=3600)
        storage = Indexed(fresh.storage, await index.space("home$alice"), time.monotonic, 0.0)
        storage.others = fresh.others
        storage.mounted = fresh
        return storage

    yield blockon(make())
    blockon(database.stop())
    workers.stop()


async def test_one_call_a_page_and_none_for_an_object(fresh):
    for number in range(12):
        fresh.others.put(f"a/{number:02}", b"%d" % number)
    fresh.others.put("a/b/deep")
    fresh.others.put("empty/")
    survey = fresh.storage.abilities.survey
    root, a, b, empty, gone, file = await survey.survey([ROOT, Path("a"), Path("a/b"), Path("empty"), Path("gone"), Path("a/01")])
    # 13 names in a at five a call; nothing more for the others, but a look at what shows nothing.
    assert calls(fresh) == {"list_objects_v2": 1 + 3 + 1 + 1 + 1 + 1, "head_object": 2}
    assert (list(root.folders), list(a.folders), list(b.folders)) == (["a", "empty"], ["b"], [])
    assert (root.entries, a.entries, b.entries, empty.entries) == (2, 13, 1, 0)
    assert (gone, file) == (None, None)
    assert len({one.fingerprint for one in (root, a, b, empty)}) == 4


async def test_fingerprints_of_both_ways_are_the_same(moto, mount, fresh):
    fresh.others.put("a/file")
    fresh.others.put("a/file/below")
    fresh.others.put("a//odd")
    fresh.others.put("a/Grüße %.txt", b"22")
    fresh.others.put("b/")
    folders = [ROOT, Path("a"), Path("b"), Path("a/file\u201b2f")]
    survey = fresh.storage.abilities.survey
    first = await survey.survey(folders)
    assert None not in first
    assert [one.glance for one in await survey.explore(folders, 1000)] == first
    # In another process, and whatever this one knows of the files.
    await children(fresh.storage, "a")
    await fresh.storage.stat(Path("a/file"))
    other = fresh.open()
    await other.start(recall=False)
    assert await survey.survey(folders) == first
    assert await other.abilities.survey.survey(folders) == first
    fresh.others.put("a/file", b"2")
    second = await survey.survey(folders)
    assert [old == new for old, new in zip(first, second, strict=True)] == [True, False, True, True]
    # The time alone is no change.
    fresh.others.put("a/file", b"1")
    assert await survey.survey(folders) == first


async def test_exploring_tells_as_much_as_was_asked_for(fresh):
    for folder, many in (("a", 3), ("b", 4), ("c", 12), ("d", 1)):
        for number in range(many):
            fresh.others.put(f"{folder}/{number}")
    survey = fresh.storage.abilities.survey
    paths = [Path(name) for name in "abcd"]
    assert [len(one.children) for one in await survey.explore(paths, 7)] == [3, 4]
    assert [len(one.children) for one in await survey.explore(paths, 8)] == [3, 4]
    (large,) = await survey.explore(paths[2:], 5)
    assert len(large.children) == 12
    assert large.identities is None
    found = await survey.explore([Path("gone"), *paths], 100)
    assert found[0] is None
    assert [len(one.children) for one in found[1:]] == [3, 4, 12, 1]
    assert {len(one.identities) for one in found[1:]} == {3, 4, 12, 1}


async def test_a_bucket_that_is_gone_is_not_empty(fresh):
    fresh.storage._ground.control.bucket = "gone"
    with pytest.raises(StorageUnavailable):
        await fresh.storage.abilities.survey.survey([ROOT, Path("a")])


async def test_a_pass_finds_what_others_have_changed(indexed):
    others = indexed.others
    for path in ("one", "a/two", "a/b/three", "c/four"):
        others.put(path, path.encode())
    await learn(indexed)
    walk = scanner(indexed)
    await walk.run(AT_ONCE)
    before = await known(indexed)
    calls(indexed.mounted)
    found = await walk.run(AT_ONCE)
    assert (found.folders, found.changed) == (4, 0)
    assert calls(indexed.mounted) == {"list_objects_v2": 4}
    others.put("a/b/three", b"other")
    found = await walk.run(AT_ONCE)
    assert found.changed == 1
    after = await known(indexed)
    assert {path for path in after if after[path].etag != before[path].etag} == {"", "a", "a/b", "a/b/three"}
    assert {path: row.id for path, row in after.items()} == {path: row.id for path, row in before.items()}
    others.put("new/deep/file")
    others.remove("c/four")
    await walk.run(AT_ONCE)
    await learn(indexed)
    assert await agrees(indexed)
    assert {"new/deep/file"} <= (await known(indexed)).keys()
    assert "c" not in await known(indexed)


@pytest.mark.parametrize("whose", ["ours", "theirs"])
@pytest.mark.parametrize(("source", "target"), [("a/file", "z/moved"), ("z/file", "a/moved"), ("a/file", "a/moved")])
async def test_a_file_that_others_rename_keeps_its_id(indexed, whose, source, target):
    others = indexed.others
    others.put("a/more")
    others.put("z/more", b"2")
    if whose == "ours":
        await put(indexed, source, SMALL)
    else:
        others.put(source, SMALL)
    await learn(indexed)
    walk = scanner(indexed)
    await walk.run(AT_ONCE)
    before = await known(indexed)
    others.move(source, target)
    calls(indexed.mounted)
    await walk.run(AT_ONCE)
    assert sum(calls(indexed.mounted).values()) <= 14
    after = await known(indexed)
    assert source not in after
    assert after[target].id == before[source].id
    assert after[target].etag == before[source].etag
    assert await agrees(indexed)


@pytest.mark.parametrize("whose", ["ours", "theirs"])
async def test_a_file_that_others_copy_keeps_its_id_and_so_do_both(indexed, whose):
    others = indexed.others
    others.put("a/more")
    if whose == "ours":
        await put(indexed, "a/file", SMALL)
    else:
        others.put("a/file", SMALL)
    await learn(indexed)
    walk = scanner(indexed)
    await walk.run(AT_ONCE)
    before = await known(indexed)
    others.copy("a/file", "copy")
    others.copy("a/file", "a/more")
    await walk.run(AT_ONCE)
    after = await known(indexed)
    assert after["a/file"].id == before["a/file"].id
    assert after["a/more"].id == before["a/more"].id
    assert len({row.id for row in after.values()}) == len(after)
    assert await agrees(indexed)


async def test_equal_files_are_no_names_of_one(indexed):
    """Of many alike nobody asks which one was moved; what happens to one says nothing of the others."""
    for number in range(20):
        await put(indexed, f"ours-{number}", SMALL)
        indexed.others.put(f"theirs-{number}", SMALL)
    await learn(indexed)
    walk = scanner(indexed)
    await walk.run(AT_ONCE)
    before = await known(indexed)
    calls(indexed.mounted)
    await put(indexed, "ours-0", b"another")
    await indexed.remove(Path("ours-1"))
    await put(indexed, "ours-new", SMALL)
    found = calls(indexed.mounted)
    assert sum(found.values()) < 15
    indexed.others.put("theirs-new", SMALL)
    indexed.others.remove("theirs-1")
    await walk.run(AT_ONCE)
    assert calls(indexed.mounted).get("head_object", 0) <= 3
    after = await known(indexed)
    assert {path: row.id for path, row in after.items() if path in before} == {
        path: row.id for path, row in before.items() if path in after
    }
    assert await agrees(indexed)


async def test_what_stands_where_something_was_is_shown_at_once(indexed):
    """All folders of a bucket look alike, and so do files with the same content: nothing but their ids tells that another one
    has the name by now."""
    await indexed.make_folder(Path("c"))
    await put(indexed, "g", b"same")
    before = {name: node.id for name, node in (await children(indexed)).items()}
    mounted = indexed.mounted
    await mounted.storage.move(Path("c"), Path("b"), replace=False)
    await mounted.storage.make_folder(Path("c"))
    await mounted.storage.move(Path("g"), Path("f"), replace=False)
    await put(mounted.storage, "g", b"same")
    after = {name: node.id for name, node in (await children(indexed)).items()}
    assert after.keys() == {"b", "c", "f", "g"}
    assert after["b"] == before["c"]
    assert len(set(after.values())) == 4
    await learn(indexed)
    assert await agrees(indexed)
