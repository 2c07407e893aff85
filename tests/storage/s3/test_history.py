"""Trash and versions of buckets that keep versions."""

from __future__ import annotations

import contextlib

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from clawgate.errors import ClawgateError, NotFound, StorageBroken, StorageUnavailable
from clawgate.model.path import Path
from clawgate.storage.s3 import former
from clawgate.testing.history import HistoryConformance, trashed
from clawgate.testing.tools import LARGE, SMALL, children, get, put

from .conftest import blockon

BUCKET = "versioned"


def versioned(server):
    client = server.client()
    if BUCKET not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return BUCKET


def kept(mounted, prefix=""):
    """All versions and markers: key, and whether it is a marker."""
    answer = mounted.client.list_object_versions(Bucket=mounted.bucket, Prefix=mounted.options.prefix + prefix)
    start = len(mounted.options.prefix)
    return sorted(
        (one["Key"][start:], name == "DeleteMarkers")
        for name in ("Versions", "DeleteMarkers")
        for one in answer.get(name, ())
        if prefix or ".clawgate/" not in one["Key"]
    )


class OnS3(HistoryConformance):
    async def test_versions_go_along(self, storage, versions, trash):
        """Versions stay under the key at which they were made: a file that is moved elsewhere leaves them behind, and has them
        again when it comes back; what comes back from the trash has them."""
        await put(storage, "file", LARGE)
        await put(storage, "file", SMALL)
        await storage.make_folder(Path("folder"))
        await storage.move(Path("file"), Path("folder/moved"), replace=False)
        assert await self.former(versions, "folder/moved") == []
        await storage.move(Path("folder/moved"), Path("file"), replace=False)
        assert LARGE in await self.former(versions, "file")
        await trash.discard(Path("file"))
        await trash.restore((await trashed(trash))["file"].key, Path("file"), replace=False)
        assert LARGE in await self.former(versions, "file")


class TestSeaweed(OnS3):
    @pytest.fixture
    def storage(self, seaweed, mount):
        return blockon(mount(seaweed, bucket=versioned(seaweed), trash=True, versions=True)).storage


class TestMoto(OnS3):
    # It lists folders in which there is nothing but markers of what was deleted.
    test_a_folder_comes_back_with_all_below = None

    @pytest.fixture
    def storage(self, moto, mount):
        return blockon(mount(moto, bucket=versioned(moto), trash=True, versions=True)).storage


@pytest.fixture
def mounted(moto, mount):
    return blockon(mount(moto, bucket=versioned(moto), trash=True, versions=True, marks=False))


@pytest.fixture
def storage(mounted):
    return mounted.storage


@pytest.fixture
def trash(storage):
    return storage.abilities.trash


def calls(mounted):
    found = dict(mounted.calls)
    mounted.calls.clear()
    return found


async def test_nothing_of_the_kind_without_versioning(moto, mount):
    plain = await mount(moto)
    assert (plain.storage.abilities.trash, plain.storage.abilities.versions) == (None, None)
    with pytest.raises(StorageUnavailable, match="versioned"):
        await mount(moto, trash=True)


async def test_nothing_is_copied_on_the_way_into_the_trash_and_back(mounted, storage, trash):
    await storage.make_folder(Path("a"))
    for number in range(5):
        await put(storage, f"a/{number}", SMALL)
    before = await children(storage, "a")
    calls(mounted)
    await trash.discard(Path("a"))
    found = calls(mounted)
    # Two notes, and the markers in one call.
    assert (found["put_object"], found["delete_objects"]) == (2, 1)
    assert sum(found.values()) <= 12
    assert kept(mounted) == sorted([(key, marker) for key in ("a/", *(f"a/{n}" for n in range(5))) for marker in (False, True)])
    calls(mounted)
    await trash.restore((await trashed(trash))["a"].key, Path("a"), replace=False)
    found = calls(mounted)
    assert "copy_object" not in found
    assert sum(found.values()) <= 24
    assert await children(storage, "a") == before
    assert not any(marker for _, marker in kept(mounted))


async def test_purging_leaves_nothing_and_no_more_than_that_goes(mounted, storage, trash):
    await put(storage, "file", LARGE)
    await put(storage, "file", SMALL)
    await put(storage, "file2", SMALL)
    await trash.discard(Path("file"))
    await trash.purge((await trashed(trash))["file"].key)
    assert kept(mounted) == [("file2", False)]
    await storage.make_folder(Path("a"))
    await put(storage, "a/x", b"1")
    await put(storage, "a/x", b"2")
    await trash.discard(Path("a"))
    await storage.make_folder(Path("a"))
    await put(storage, "a/x", b"another")
    await trash.purge((await trashed(trash))["a"].key)
    assert await get(storage, "a/x") == b"another"
    assert [key for key, marker in kept(mounted) if not marker] == ["a/", "a/x", "file2"]


async def test_what_others_brought_back_is_not_purged(mounted, storage, trash):
    await put(storage, "file", SMALL)
    await trash.discard(Path("file"))
    answer = mounted.client.list_object_versions(Bucket=mounted.bucket, Prefix=mounted.options.prefix + "file")
    (marker,) = answer["DeleteMarkers"]
    mounted.client.delete_object(Bucket=mounted.bucket, Key=marker["Key"], VersionId=marker["VersionId"])
    await trash.purge((await trashed(trash))["file"].key)
    assert await get(storage, "file") == SMALL


async def test_killed_between_the_note_and_the_removal(mounted, storage, trash, monkeypatch):
    """It is in the trash and still there; whatever becomes of the one, the other stays."""
    await put(storage, "file", SMALL)

    async def die(*_):
        raise MemoryError

    monkeypatch.setattr(storage._trees, "clear", die)
    with pytest.raises(MemoryError):
        await trash.discard(Path("file"))
    monkeypatch.undo()
    assert await get(storage, "file") == SMALL
    key = (await trashed(trash))["file"].key
    await trash.purge(key)
    assert await get(storage, "file") == SMALL
    assert await trashed(trash) == {}


async def test_a_move_that_fails_brings_back_what_it_would_have_replaced(mounted, storage, trash, monkeypatch):
    await put(storage, "new", b"new")
    await put(storage, "old", b"old")

    async def fail(*_, **__):
        raise StorageUnavailable("no")

    monkeypatch.setattr(storage._trees, "move", fail)
    with pytest.raises(StorageUnavailable):
        await storage.move(Path("new"), Path("old"), replace=True)
    assert await get(storage, "old") == b"old"
    assert await trashed(trash) == {}


async def test_hidden_objects_leave_nothing_behind(mounted, storage, trash):
    for number in range(3):
        await put(storage, f"{number}", SMALL)
        await storage.move(Path(f"{number}"), Path(f"moved-{number}"), replace=False)
    await put(storage, "file", SMALL)
    await trash.discard(Path("file"))
    assert any(marker for _, marker in kept(mounted, ".clawgate/"))
    await storage.abilities.janitor.sweep(frozenset(), 0)
    assert not any(marker for _, marker in kept(mounted, ".clawgate/"))
    key = (await trashed(trash))["file"].key
    await trash.restore(key, Path("file"), replace=False)
    assert await get(storage, "file") == SMALL


async def test_the_trash_is_listed_page_by_page(moto, mount):
    mounted = await mount(moto, bucket=versioned(moto), trash=True, keys=4)
    storage, trash = mounted.storage, mounted.storage.abilities.trash
    for number in range(10):
        await put(storage, f"{number}", b"%d" % number)
        await trash.discard(Path(f"{number}"))
    calls(mounted)
    assert [len(page) async for page in trash.list()] == [4, 4, 2]
    assert calls(mounted) == {"list_objects_v2": 3, "get_object": 10}
    assert len(await trashed(trash)) == 10
    assert calls(mounted) == {"list_objects_v2": 3}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"place": "x"}', b"\xff"], ids=["empty", "a list", "half", "no text"])
async def test_a_note_that_cannot_be_read_hides_no_other(mounted, storage, trash, content):
    await put(storage, "file", SMALL)
    await trash.discard(Path("file"))
    await put(storage, "other", SMALL)
    key = (await trashed(trash))["file"].key
    await trash.discard(Path("other"))
    mounted.client.put_object(Bucket=mounted.bucket, Key=f"{mounted.options.prefix}.clawgate/trash/{key}", Body=content)
    again = mounted.open()
    await again.start()
    assert list(await trashed(again.abilities.trash)) == ["other"]
    with pytest.raises(StorageBroken):
        await again.abilities.trash.restore(key, Path("file"), replace=False)
    # What it was a note of is as safe as before.
    await again.abilities.trash.purge((await trashed(again.abilities.trash))["other"].key)
    assert kept(mounted) == [("file", False), ("file", True)]


async def test_what_others_wrote_has_versions_too(mounted, storage):
    key = mounted.options.prefix + "file"
    for content in (b"one", b"two!", b"three"):
        mounted.client.put_object(Bucket=mounted.bucket, Key=key, Body=content)
    versions = storage.abilities.versions
    assert [one.size for one in await versions.list(Path("file"))] == [4, 3]
    await put(storage, "file", b"ours")
    assert [one.size for one in await versions.list(Path("file"))] == [5, 4, 3]
    # Setting a time makes a version, but not of other content.
    await storage.abilities.times.touch(Path("file"), 10**18)
    assert [one.size for one in await versions.list(Path("file"))] == [5, 4, 3]


async def test_calls(mounted, storage, trash):
    await put(storage, "file", SMALL)
    await put(storage, "other", SMALL)
    calls(mounted)
    await trash.discard(Path("file"))
    assert calls(mounted) == {"head_object": 2, "put_object": 1, "delete_object": 1}
    await storage.make_folder(Path("a"))
    await put(storage, "a/file", SMALL)
    await put(storage, "a/more", SMALL)
    calls(mounted)
    await trash.discard(Path("a/file"))
    assert calls(mounted) == {"head_object": 2, "put_object": 1, "delete_object": 1, "list_objects_v2": 1}


async def test_a_removed_folder_can_be_made_again(seaweed, mount):
    """Also where folders are more than a part of keys, and stay as long as something in them has versions."""
    mounted = await mount(seaweed, bucket=versioned(seaweed), trash=True, versions=True)
    storage, trash = mounted.storage, mounted.storage.abilities.trash
    await storage.make_folder(Path("a"))
    await put(storage, "a/file", SMALL)
    await trash.discard(Path("a"))
    with pytest.raises(NotFound):
        await storage.stat(Path("a"))
    with pytest.raises(NotFound):
        await storage.list(Path("a"))
    await storage.make_folder(Path("a"))
    assert await children(storage, "a") == {}
    assert list(await children(storage)) == ["a"]
    await storage.remove(Path("a"))
    assert await children(storage) == {}


async def test_many_pages_of_what_was_hidden(moto, mount):
    mounted = await mount(moto, bucket=versioned(moto), trash=True, keys=4)
    storage = mounted.storage
    for number in range(5):
        await put(storage, f"{number}", SMALL)
        await storage.move(Path(f"{number}"), Path(f"moved-{number}"), replace=False)
    await storage.abilities.trash.discard(Path("moved-0"))
    before = mounted.keys(mounted.options.prefix)
    await storage.abilities.janitor.sweep(frozenset(), 0)
    hidden = kept(mounted, ".clawgate/")
    assert len(hidden) == 2
    assert not any(marker for _, marker in hidden)
    assert mounted.keys(mounted.options.prefix) == before


async def test_what_is_brought_back_at_the_same_moment_stays(mounted, storage, trash, monkeypatch):
    """Whoever purges it has seen it in the trash before."""
    await put(storage, "file", SMALL)
    await trash.discard(Path("file"))
    key = (await trashed(trash))["file"].key
    began, wait = Deferred(), Deferred()
    delete = former.delete

    async def slow(ground, kept):
        if not began.called:
            began.callback(None)
            await wait
        await delete(ground, kept)

    monkeypatch.setattr(former, "delete", slow)
    purging = Deferred.fromCoroutine(trash.purge(key))
    await began
    restoring = Deferred.fromCoroutine(trash.restore(key, Path("file"), replace=False))
    # Long enough for it, if nobody held it back.
    for _ in range(50):
        await deferLater(reactor, 0.01)
        if restoring.called:
            break
    early = restoring.called
    wait.callback(None)
    await purging
    with contextlib.suppress(ClawgateError):
        await restoring
    assert not early
    assert await trashed(trash) == {}
