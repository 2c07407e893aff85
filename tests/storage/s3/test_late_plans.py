"""Notes of plans that the service puts down when nobody waits for it any more."""

from __future__ import annotations

import itertools
import json

import pytest

from clawgate.errors import StorageUnavailable
from clawgate.model.path import Path
from clawgate.storage.s3.owners import me
from clawgate.testing.tools import Broken, put, tree

from .faulty import Way
from .test_plans import ACTS, BEFORE, make


def killed(monkeypatch, storage, at):
    """From the write number `at` into the folder of plans on, nothing reaches the service: as if killed while it was on its way.
    Returns what was written there, or was about to be."""
    control, sent = type(storage._ground.control), []
    call = control.call

    async def noting(self, operation, **arguments):
        if operation == "put_object" and "/.clawgate/plans/" in arguments["Key"]:
            sent.append(arguments)
        if len(sent) >= at:
            raise Broken
        return await call(self, operation, **arguments)

    monkeypatch.setattr(control, "call", noting)
    return sent


def elsewhere(mounted, name, body):
    """Write something into the folder of plans, as another process does."""
    key = f"{mounted.options.prefix}.clawgate/plans/{name}"
    mounted.client.put_object(Bucket=mounted.bucket, Key=key, Body=body)
    return key


def note(mounted, **more):
    prefix = mounted.options.prefix
    noted = {"act": "move", "source": f"{prefix}old", "target": f"{prefix}new", "token": "1", "owner": "", **more}
    return json.dumps(noted).encode()


@pytest.mark.parametrize(
    ("server", "act", "writes"),
    [
        ("seaweed", "move", 2),
        ("seaweed", "move over", 3),
        ("seaweed", "remove", 2),
        ("moto", "copy over", 2),
        ("moto", "file over file", 2),
    ],
    indirect=["server"],
)
async def test_what_comes_late_is_not_carried_out(server, mount, monkeypatch, act, writes):
    do, _, before = ACTS[act]
    for at in itertools.count(1):
        mounted = await mount(server, keys=2)
        await make(mounted.storage, before)
        sent = killed(monkeypatch, mounted.storage, at)
        try:
            await do(mounted.storage)
            break
        except Broken:
            pass
        finally:
            monkeypatch.undo()
        first, second = mounted.open(), mounted.open()
        for one in (first, second):
            await one.start()
        await first.abilities.janitor.sweep(frozenset(), 0)
        assert mounted.leftovers() == []
        # People go on working where nothing was done, or all of it.
        if "a" not in await tree(first):
            await first.make_folder(Path("a"))
        for path in ("a/one", "file"):
            await put(first, path, b"since")
        found = await tree(first)
        for one in (first, second):
            mounted.client.put_object(Bucket=mounted.bucket, **sent[-1])
            await one.abilities.janitor.sweep(frozenset(), 0)
            assert await tree(one) == found
            assert mounted.leftovers() == []
    assert at == writes + 1


async def test_it_is_not_carried_out_by_who_was_told_that_it_failed(seaweed, mount):
    """Nor is what is left of it, where the call that failed was carried out after all."""
    way = Way(seaweed.endpoint)
    mounted = await mount(seaweed, way.endpoint)
    await make(mounted.storage, BEFORE)
    way.fault("PUT /", "/.clawgate/plans/", ".heard", times=9, answer_bytes=0)
    with pytest.raises(StorageUnavailable):
        await mounted.storage.move(Path("a"), Path("b"), replace=False)
    assert mounted.leftovers() == []
    assert await tree(mounted.storage) == BEFORE
    way.close()


@pytest.mark.parametrize("begun", [True, False])
async def test_what_is_over_and_could_not_be_removed_is_not_carried_out_again(mounted, monkeypatch, begun):
    storage, control, failed = mounted.storage, type(mounted.storage._ground.control), []
    await make(storage, BEFORE)
    call, delete = control.call, control.delete

    async def unheard(self, operation, **arguments):
        answer = await call(self, operation, **arguments)
        if operation == "put_object" and arguments["Key"].endswith(".heard") and not begun:
            raise StorageUnavailable("the answer is lost")
        return answer

    async def unremoved(self, keys):
        if any("/plans/" in key for key in keys):
            failed.append(keys)
            raise StorageUnavailable("the service is away")
        await delete(self, keys)

    monkeypatch.setattr(control, "call", unheard)
    monkeypatch.setattr(control, "delete", unremoved)
    with pytest.raises(StorageUnavailable):
        await storage.move(Path("a"), Path("b"), replace=False)
    monkeypatch.undo()
    assert mounted.leftovers() == sorted(failed[0])
    if begun:
        await storage.make_folder(Path("a"))
    await put(storage, "a/since", b"since")
    before = await tree(storage)
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 0
    assert await tree(storage) == before
    assert mounted.leftovers() == []
    assert not storage._ground.service.over


async def test_what_of_others_who_live_is_left(mounted):
    storage = mounted.storage
    await put(storage, "old", b"old")
    living = "elsewhere 0 1 1"
    there = [elsewhere(mounted, "1", note(mounted, owner=living, heard=True)), elsewhere(mounted, "2.heard", living.encode())]
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 0
    assert mounted.leftovers() == there
    # The other one is not there yet, or not any more; what is young is nobody's business while the gateway runs.
    gone = [elsewhere(mounted, "1", note(mounted, heard=True)), elsewhere(mounted, "2.heard", b"")]
    assert await storage.abilities.janitor.sweep(frozenset(), 3600) == 0
    assert mounted.leftovers() == gone
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 0
    assert mounted.leftovers() == []
    assert await tree(storage) == {"old": b"old"}


async def test_what_this_process_works_on_is_left(mounted):
    storage = mounted.storage
    there = [
        elsewhere(mounted, "1", note(mounted, owner=me().text, heard=True)),
        elsewhere(mounted, "2.heard", me().text.encode()),
    ]
    storage._ground.working.update(key.removesuffix(".heard") for key in there)
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 0
    assert mounted.leftovers() == there


async def test_what_is_heard_of_after_the_listing_counts(mounted, monkeypatch):
    """Its author was alive then, and has begun since."""
    storage, control = mounted.storage, mounted.storage._ground.control
    await put(storage, "old", b"old")
    elsewhere(mounted, "1", note(mounted, heard=True))
    call = control.call

    async def since(operation, **arguments):
        if operation == "get_object":
            elsewhere(mounted, "1.heard", b"")
        return await call(operation, **arguments)

    monkeypatch.setattr(control, "call", since)
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 1
    assert await tree(storage) == {"new": b"old"}
    assert mounted.leftovers() == []


async def test_what_goes_after_the_listing_is_no_failure(mounted, monkeypatch):
    """By a call that was on its way at the kill; a space whose opening fails with "not found" looks empty to its people."""
    storage, control, prefix = mounted.storage, mounted.storage._ground.control, mounted.options.prefix
    keys = [elsewhere(mounted, "1", note(mounted, heard=True)), elsewhere(mounted, "2.heard", b"")]
    for name in ("multiparts/1", "probe-1"):
        keys.append(f"{prefix}.clawgate/{name}")
        mounted.client.put_object(Bucket=mounted.bucket, Key=keys[-1], Body=b"{}")
    call, asked = control.call, []

    async def since(operation, **arguments):
        if operation == "get_object":
            asked.append(arguments["Key"])
            mounted.client.delete_object(Bucket=mounted.bucket, Key=arguments["Key"])
        return await call(operation, **arguments)

    monkeypatch.setattr(control, "call", since)
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 0
    assert sorted(asked) == sorted(keys)
    assert mounted.leftovers() == []
