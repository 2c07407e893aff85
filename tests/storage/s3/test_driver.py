"""What the conformance suite does not know: calls, foreign objects, long content, kills."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from clawgate.errors import (
    ChecksumMismatch,
    Forbidden,
    InvalidRequest,
    IsAFolder,
    NotFound,
    StorageUnavailable,
)
from clawgate.interfaces import Storage
from clawgate.model.content import Checksum, Intent
from clawgate.model.node import Kind
from clawgate.model.path import ROOT, Path
from clawgate.testing.tools import SMALL, Broken, body_of, breaking, children, get, put, tree

MIB = 1 << 20
LONG = bytes(range(256)) * (11 * MIB // 256) + b"the end"
SHA1 = Checksum("SHA1", hashlib.sha1(LONG).hexdigest())


def calls(mounted):
    found = dict(mounted.calls)
    mounted.calls.clear()
    return found


async def test_calls(mounted):
    storage = mounted.storage
    await storage.make_folder(Path("folder"))
    calls(mounted)
    await put(storage, "folder/new", SMALL)
    # Is there a file, a folder of that name, the folder above; then the content.
    assert calls(mounted) == {"head_object": 3, "list_objects_v2": 1, "put_object": 1}
    await put(storage, "folder/new", b"other")
    assert calls(mounted) == {"head_object": 1, "put_object": 1}
    await put(storage, "folder/new", SMALL, expected=(await storage.stat(Path("folder/new"))).seen)
    assert calls(mounted) == {"head_object": 2, "put_object": 1}
    await storage.stat(Path("folder/new"))
    assert calls(mounted) == {"head_object": 1}
    await storage.stat(Path("folder"))
    assert calls(mounted) == {"head_object": 2}
    await storage.stat(ROOT)
    assert calls(mounted) == {}
    assert await get(storage, "folder/new") == SMALL
    assert calls(mounted) == {"head_object": 1, "get_object": 1}
    await storage.remove(Path("folder/new"))
    assert calls(mounted) == {"head_object": 1, "list_objects_v2": 1, "delete_object": 1}


async def test_a_listing_is_one_call_a_page(server, mount):
    mounted = await mount(server, keys=50)
    for number in range(123):
        mounted.client.put_object(Bucket=mounted.bucket, Key=f"{mounted.options.prefix}many/{number}", Body=b"1")
    calls(mounted)
    mounted.storage.recalling = False
    assert len(await children(mounted.storage, "many")) == 123
    assert calls(mounted) == {"list_objects_v2": 3}
    found = await mounted.storage.abilities.ids.identify(Path("many"), [str(number) for number in range(123)])
    assert len({identity.id for identity in found.values()}) == 123
    assert calls(mounted) == {}
    await mounted.storage.remove(Path("many"))
    # Is it a file, is it a folder, then a call a page: none for each object.
    found = calls(mounted)
    assert found.pop("list_objects_v2") in (3, 4)
    # And a plan, noted down with that it is there, and both taken away, because it takes more than one call.
    assert found == {"head_object": 2, "delete_objects": 4, "put_object": 2}
    assert mounted.keys(f"{mounted.options.prefix}many") == []


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("put_bytes", [16 * MIB, 6 * MIB], ids=["one call", "parts"])
async def test_long_content(server, mount, announced, put_bytes):
    mounted = await mount(server, put_bytes=put_bytes, part_bytes=5 * MIB)
    storage = mounted.storage
    await put(storage, "file", b"old")
    size = len(LONG) if announced else None
    for wrong, error in ((Intent(size=size, checksums=(Checksum("SHA1", "0" * 40),)), ChecksumMismatch), (Intent(size), Broken)):
        body = body_of(LONG) if error is ChecksumMismatch else breaking(LONG[:-1])
        for path in ("file", "new"):
            with pytest.raises(error):
                await storage.write(Path(path), body if path == "file" else body_again(error), wrong)
        assert await tree(storage) == {"file": b"old"}
        assert mounted.leftovers() == []
    written = await storage.write(Path("file"), body_of(LONG), Intent(size=size, checksums=(SHA1,)))
    assert (written.node.size, written.node.checksums) == (len(LONG), str(SHA1))
    assert (await mounted.open().stat(Path("file"))) == written.node
    assert await get(storage, "file") == LONG
    assert await get(storage, "file", 6 * MIB, 6 * MIB + 10) == LONG[6 * MIB : 6 * MIB + 10]
    assert mounted.leftovers() == []


def body_again(error):
    return body_of(LONG) if error is ChecksumMismatch else breaking(LONG[:-1])


@pytest.mark.parametrize("cuts", [(10 * MIB,), (7_000_000,), (), (2 * MIB, 3 * MIB)], ids=["10 MiB", "7 MB", "at once", "short"])
async def test_parts_of_long_content_are_not_carried_twice(server, mount, cuts):
    """Each byte goes to the service once, and it puts them together; but for pieces that are shorter than its shortest part."""
    mounted = await mount(server, part_bytes=5 * MIB)
    storage, exchange = mounted.storage, mounted.storage._ground.exchange
    parts, sent, send = storage.abilities.parts, [0], exchange.send

    async def counted(key, content, *args):
        sent[0] += sum(map(len, content))
        return await send(key, content, *args)

    async def body(start, stop):
        for at in range(start, stop, 300_000):
            yield LONG[at : min(at + 300_000, stop)]

    exchange.send = counted
    handle = await parts.begin(len(LONG))
    ends = (0, *cuts, len(LONG))
    for start, stop in pairwise(ends):
        await parts.write_at(handle, start, body(start, stop), compute=("SHA1",))
    assert sent == [len(LONG)]
    calls(mounted)
    await parts.finish(handle, Path("file"), Intent(size=len(LONG), checksums=(SHA1,)))
    found = calls(mounted)
    short = 0 if len(cuts) < 2 else 5 * MIB
    assert sent == [len(LONG) + short]
    assert {name for name in found if "get" in name or "upload_part" in name} == (
        {"upload_part_copy"} if not short else {"get_object", "upload_part", "upload_part_copy"}
    )
    assert (found["create_multipart_upload"], found["complete_multipart_upload"]) == (1, 1)
    assert await get(storage, "file") == LONG
    assert mounted.leftovers() == []


async def test_what_a_kill_leaves_of_a_published_upload_goes_when_it_is_recognised(mounted, monkeypatch):
    parts = mounted.storage.abilities.parts
    handle = await parts.begin(5)
    await parts.write_at(handle, 0, body_of(b"piece"))
    with monkeypatch.context() as patch:
        patch.setattr(parts, "abort", breaking_call)
        with pytest.raises(Broken):
            await parts.finish(handle, Path("file"), Intent(size=5))
    assert mounted.leftovers()
    again = mounted.open().abilities.parts
    assert (await again.published(handle, Path("file"))).node.size == 5
    assert mounted.leftovers() == []
    assert (await again.published(handle, Path("file"))).node.size == 5


async def breaking_call(*_):
    raise Broken


async def test_a_segment_is_sent_while_the_next_one_comes(on_moto):
    """And no more than that: then the sender waits."""
    parts, exchange = on_moto.storage.abilities.parts, on_moto.storage._ground.exchange
    going, send, given = Deferred(), exchange.send, [0]

    async def held_up(key, content, *args):
        if "-0-" in key:
            await going
        return await send(key, content, *args)

    async def body():
        for at in range(0, 2 * len(LONG), MIB):
            given[0] = at
            yield (2 * LONG)[at : at + MIB]

    exchange.send = held_up
    handle = await parts.begin(None)
    writing = Deferred.fromCoroutine(parts.write_at(handle, 0, body(), compute=("SHA1",)))
    while given[0] < 14 * MIB:
        await deferLater(reactor, 0.01)
    await deferLater(reactor, 0.05)
    assert (given[0], writing.called) == (14 * MIB, False)
    going.callback(None)
    assert await writing == 2 * len(LONG)
    sum = Checksum("SHA1", hashlib.sha1(2 * LONG).hexdigest())
    on_moto.calls.clear()
    await parts.finish(handle, Path("file"), Intent(size=2 * len(LONG), checksums=(sum,)))
    assert on_moto.calls["get_object"] == 0
    assert await get(on_moto.storage, "file") == 2 * LONG


async def test_after_a_restart_all_is_as_it_was(mounted):
    storage = mounted.storage
    await storage.make_folder(Path("folder"))
    await put(storage, "folder/file", SMALL, mtime_ns=1_600_000_000_123_456_789, compute=("SHA1",))
    await storage.move(Path("folder"), Path("moved"), replace=False)
    again: Storage = mounted.open()
    for path in ("moved", "moved/file"):
        folder, _, name = path.rpartition("/")
        known = await storage.abilities.ids.identify(Path(folder), [name])
        assert await again.abilities.ids.identify(Path(folder), [name]) == known
    assert await again.stat(Path("moved/file")) == await storage.stat(Path("moved/file"))


async def test_what_others_wrote(mounted):
    client, bucket, prefix = mounted.client, mounted.bucket, mounted.options.prefix
    client.put_object(Bucket=bucket, Key=f"{prefix}a b/ü &.txt", Body=b"1", Metadata={"mtime": "1600000000.5", "kept": "yes"})
    client.put_object(Bucket=bucket, Key=f"{prefix}a b/deep/er", Body=b"2", Metadata={"mtime": "1600000001"})
    storage = mounted.storage
    assert await tree(storage) == {"a b": None, "a b/ü &.txt": b"1", "a b/deep": None, "a b/deep/er": b"2"}
    assert (await storage.stat(Path("a b/ü &.txt"))).mtime_ns == 1_600_000_000_500_000_000
    assert (await storage.stat(Path("a b/deep/er"))).mtime_ns == 1_600_000_001_000_000_000
    id = (await storage.abilities.ids.identify(Path("a b"), ["ü &.txt"]))["ü &.txt"].id
    await storage.move(Path("a b/ü &.txt"), Path("moved"), replace=False)
    assert (await mounted.open().abilities.ids.identify(ROOT, ["moved"]))["moved"].id == id
    assert client.head_object(Bucket=bucket, Key=f"{prefix}moved")["Metadata"]["kept"] == "yes"
    assert (await mounted.open().stat(Path("moved"))).mtime_ns == 1_600_000_000_500_000_000


async def test_metadata_that_came_along_with_a_copy_of_others(mounted):
    storage = mounted.storage
    await put(storage, "file", SMALL, id="ours")
    source = {"Bucket": mounted.bucket, "Key": f"{mounted.options.prefix}file"}
    mounted.client.copy_object(Bucket=mounted.bucket, Key=f"{mounted.options.prefix}copy", CopySource=source)
    found = await storage.abilities.ids.identify(ROOT, ["file", "copy"])
    assert found["file"].id == "ours"
    assert found["copy"].id not in ("", "ours")


async def test_keys_that_are_no_paths(moto, mount):
    """SeaweedFS has none of these: its keys are paths."""
    mounted = await mount(moto)
    storage, prefix = mounted.storage, mounted.options.prefix
    keys = [
        "both",
        "both/below",
        "both/deep/er",
        "f//empty",
        "f/./dot",
        "f/../dots",
        "x\u201be2y",
        "y\u201b2f",
        "z" * 300,
        "t/t/",
    ]
    for key in keys:
        mounted.client.put_object(Bucket=mounted.bucket, Key=prefix + key, Body=key.encode())
    before = mounted.keys(prefix)
    found = await tree(storage)
    assert sorted(found.items()) == sorted(
        {
            "both": b"both",
            "both\u201b2f": None,
            "both\u201b2f/below": b"both/below",
            "both\u201b2f/deep": None,
            "both\u201b2f/deep/er": b"both/deep/er",
            "f": None,
            "f/\u201b2f": None,
            "f/\u201b2f/empty": b"f//empty",
            "f/\u201b2e": None,
            "f/\u201b2e/dot": b"f/./dot",
            "f/\u201b2e\u201b2e": None,
            "f/\u201b2e\u201b2e/dots": b"f/../dots",
            "t": None,
            "t/t": None,
            "x\u201be2e2y": "x\u201be2y".encode(),
            "y\u201be22f": "y\u201b2f".encode(),
        }.items()
    )
    for path in found:
        kind = Kind.FOLDER if found[path] is None else Kind.FILE
        assert (await storage.stat(Path(path))).kind is kind
    with pytest.raises(InvalidRequest):
        await put(storage, "new\u201b2f", SMALL)
    assert mounted.keys(prefix) == before


async def test_a_folder_does_not_vanish_with_its_last_file(mounted):
    storage, prefix = mounted.storage, mounted.options.prefix
    for name in ("one/file", "two/file", "two/other", "three/in/1", "three/in/2", "three/in/3"):
        mounted.client.put_object(Bucket=mounted.bucket, Key=prefix + name, Body=b"1")
    await storage.remove(Path("three/in"))
    await storage.remove(Path("one/file"))
    await storage.remove(Path("two/file"))
    await storage.move(Path("two/other"), Path("other"), replace=False)
    assert await tree(storage) == {"one": None, "two": None, "three": None, "other": b"1"}


async def test_what_is_hidden(mounted):
    storage = mounted.storage
    parts = storage.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(SMALL))
    assert await tree(storage) == {}
    for path in (".clawgate", f".clawgate/uploads/{handle}/begun"):
        with pytest.raises(NotFound):
            await storage.stat(Path(path))
        with pytest.raises(NotFound):
            await storage.list(Path(path))
        with pytest.raises(Forbidden):
            await put(storage, path, SMALL)
        with pytest.raises(NotFound):
            await storage.remove(Path(path))
    await parts.finish(handle, Path("file"), Intent())


async def test_orphans_are_swept_and_those_of_others_are_not(mounted):
    storage, client, bucket, prefix = mounted.storage, mounted.client, mounted.bucket, mounted.options.prefix
    for name in ("ours", "theirs"):
        client.create_multipart_upload(Bucket=bucket, Key=prefix + name)
    note = json.dumps({"key": f"{prefix}ours"}).encode()
    client.put_object(Bucket=bucket, Key=f"{prefix}.clawgate/multiparts/1", Body=note)
    assert await storage.abilities.janitor.sweep(frozenset(), 3600) == 0
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 1
    assert mounted.leftovers() == [f"{prefix}theirs"]


async def test_a_bucket_that_is_not_there(server, mounted, mount):
    storage = mounted.storage
    storage._ground.control.bucket = "vanished"
    for call in (
        storage.stat(Path("a")),
        storage.list(ROOT),
        storage.list(Path("a")),
        storage.make_folder(Path("a")),
        put(storage, "a", b"1"),
    ):
        with pytest.raises(StorageUnavailable):
            await call
    storage._ground.control.bucket = mounted.bucket


async def test_a_folder_cannot_be_read(mounted):
    await mounted.storage.make_folder(Path("folder"))
    with pytest.raises(IsAFolder):
        await mounted.storage.read(Path("folder"))
