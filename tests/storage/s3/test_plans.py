"""Copies, moves and removals that are killed, fail, or meet other writers."""

from __future__ import annotations

import json

import pytest

from clawgate.errors import StorageUnavailable
from clawgate.model.path import Path
from clawgate.testing.tools import Broken, get, put, tree

from .faulty import Way

BEFORE = {"a": None, "a/one": b"a/one", "a/in": None, "a/in/two": b"a/in/two", "file": b"file", "end": b"end"}
TAKEN = {"b": None, "b/one": b"b/one", "b/old": b"b/old", "b/in": None}
"""What stands in the way of what replaces it."""


def under(name, content):
    return {name if path == "a" else f"{name}{path[1:]}": what for path, what in content.items() if path.startswith("a")}


A = under("a", BEFORE)
REST = {"file": b"file", "end": b"end"}
MOVED = {**under("b", A), **REST}
COPIED = {**MOVED, **A}
ACTS = {
    # what is done, what may be there in the end, what was there before
    "move": (lambda storage: storage.move(Path("a"), Path("b"), replace=False), (BEFORE, MOVED), BEFORE),
    "move over": (lambda storage: storage.move(Path("a"), Path("b"), replace=True), (BEFORE | TAKEN, MOVED), BEFORE | TAKEN),
    "copy": (lambda storage: storage.copy(Path("a"), Path("b"), replace=False), (BEFORE, COPIED), BEFORE),
    "copy over": (lambda storage: storage.copy(Path("a"), Path("b"), replace=True), (BEFORE | TAKEN, COPIED), BEFORE | TAKEN),
    "remove": (lambda storage: storage.remove(Path("a")), (BEFORE, REST), BEFORE),
    "file over file": (
        lambda storage: storage.move(Path("file"), Path("end"), replace=True),
        (BEFORE, {**A, "end": b"file"}),
        BEFORE,
    ),
    "file over folder": (
        lambda storage: storage.move(Path("file"), Path("a"), replace=True),
        (BEFORE, {"a": b"file", "end": b"end"}),
        BEFORE,
    ),
    "folder over file": (
        lambda storage: storage.move(Path("a"), Path("file"), replace=True),
        (BEFORE, {**under("file", A), "end": b"end"}),
        BEFORE,
    ),
}
WRITING = ("put_object", "copy_object", "delete_objects", "delete_object")


async def make(storage, content):
    for path, what in content.items():
        if what is None:
            await storage.make_folder(Path(path))
        else:
            await put(storage, path, what)


def dies(monkeypatch, storage, at):
    """From the call number `at` of those that write on, nothing reaches the service: as if killed before it."""
    control = type(storage._ground.control)
    call, counted = control.call, []

    async def killed(self, operation, **arguments):
        if operation in WRITING:
            counted.append(operation)
        if len(counted) >= at:
            raise Broken
        return await call(self, operation, **arguments)

    monkeypatch.setattr(control, "call", killed)


KILLS = [("seaweed", act) for act in ACTS] + [("moto", act) for act in ("move over", "folder over file")]
"""On moto a file and a folder can have one name, so there is another way to replace one by the other."""


@pytest.mark.parametrize(("server", "act"), KILLS, indirect=["server"])
async def test_a_kill_loses_nothing(server, mount, monkeypatch, act):
    do, ends, before = ACTS[act]
    at, finished = 0, False
    while not finished:
        at += 1
        mounted = await mount(server, keys=2)
        await make(mounted.storage, before)
        dies(monkeypatch, mounted.storage, at)
        try:
            await do(mounted.storage)
            finished = True
        except Broken:
            pass
        monkeypatch.undo()
        again = mounted.open()
        await again.start()
        found = await tree(again)
        if act != "remove":
            there = set(found.values())
            assert {what for what in ends[1].values() if what is not None} <= there
        await again.abilities.janitor.sweep(frozenset(), 0)
        after = await tree(again)
        assert after in ends, f"{at}: {sorted(after.items())}"
        assert mounted.leftovers() == []
    assert after == ends[1]
    assert at > 3


FAILURES = [("seaweed", act) for act in ("copy", "folder over file", "file over folder")]
FAILURES += [("moto", act) for act in ("move", "folder over file")]


@pytest.mark.parametrize(("server", "act"), FAILURES, indirect=["server"])
async def test_a_failure_is_taken_back(server, mount, act):
    way = Way(server.endpoint)
    mounted = await mount(server, way.endpoint)
    do, ends, before = ACTS[act]
    await make(mounted.storage, before)
    way.fault(
        "PUT /", "x-amz-copy-source", "one" if act != "file over folder" else "file", times=4, status=500, code="InternalError"
    )
    with pytest.raises(StorageUnavailable):
        await do(mounted.storage)
    assert await tree(mounted.storage) == before
    await mounted.storage.abilities.janitor.sweep(frozenset(), 0)
    assert await tree(mounted.storage) in ends
    assert mounted.leftovers() == []
    way.close()


async def test_what_is_written_while_a_folder_moves_goes_along(mounted, monkeypatch):
    storage, client, prefix = mounted.storage, mounted.client, mounted.options.prefix
    await make(storage, BEFORE)
    trees = type(storage._trees._transfers)
    clear = trees.clear

    async def others(*args):
        client.put_object(Bucket=mounted.bucket, Key=f"{prefix}a/one", Body=b"newer")
        client.put_object(Bucket=mounted.bucket, Key=f"{prefix}a/in/new", Body=b"new")
        await clear(*args)

    monkeypatch.setattr(trees, "clear", others)
    await storage.move(Path("a"), Path("b"), replace=False)
    assert await tree(storage) == {**MOVED, "b/one": b"newer", "b/in/new": b"new"}
    assert mounted.leftovers() == []


async def test_plans_of_others_who_live_are_left(mounted):
    storage, prefix = mounted.storage, mounted.options.prefix
    await put(storage, "old", b"old")
    for owner, swept in (("elsewhere 0 1 1", 0), ("", 1)):
        noted = {"act": "move", "source": f"{prefix}old", "target": f"{prefix}new", "token": "1", "owner": owner}
        plan = json.dumps(noted)
        mounted.client.put_object(Bucket=mounted.bucket, Key=f"{prefix}.clawgate/plans/1", Body=plan.encode())
        assert await storage.abilities.janitor.sweep(frozenset(), 0) == swept
    assert await tree(storage) == {"new": b"old"}
    assert await get(storage, "new") == b"old"


async def test_what_came_meanwhile_is_not_overwritten_by_the_janitor(mounted):
    storage, prefix = mounted.storage, mounted.options.prefix
    await put(storage, "old", b"old")
    await put(storage, "new", b"put there after the kill")
    plan = json.dumps({"act": "move", "source": f"{prefix}old", "target": f"{prefix}new", "token": "1"})
    mounted.client.put_object(Bucket=mounted.bucket, Key=f"{prefix}.clawgate/plans/1", Body=plan.encode())
    assert await storage.abilities.janitor.sweep(frozenset(), 3600) == 0
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 1
    assert await tree(storage) == {"old": b"old", "new": b"put there after the kill"}


def removals(storage, monkeypatch):
    """The keys that are removed from now on, in this order."""
    control, removed = storage._ground.control, []
    delete = control.delete

    async def seen(keys):
        removed.extend(keys)
        await delete(keys)

    monkeypatch.setattr(control, "delete", seen)
    return removed


async def test_a_file_is_never_removed_as_a_folder(on_seaweed, monkeypatch):
    """Asked for the folder ``end/``, SeaweedFS may remove the file ``end``; here it has just been moved there."""
    storage, prefix = on_seaweed.storage, on_seaweed.options.prefix
    await put(storage, "end", b"moved")
    noted = {"act": "move", "source": f"{prefix}file", "target": f"{prefix}end", "token": "1", "replaces": True}
    on_seaweed.client.put_object(Bucket=on_seaweed.bucket, Key=f"{prefix}.clawgate/plans/1", Body=json.dumps(noted).encode())
    removed = removals(storage, monkeypatch)
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 1
    assert removed == [f"{prefix}.clawgate/plans/1", f"{prefix}.clawgate/plans/1.heard"]
    assert await tree(storage) == {"end": b"moved"}


@pytest.mark.parametrize("act", [act for act in ACTS if "over" in act])
async def test_what_has_come_is_not_removed_by_another_name(on_seaweed, monkeypatch, act):
    """What it replaces goes first if it is of the other kind, and never after it."""
    storage, prefix = on_seaweed.storage, on_seaweed.options.prefix
    do, ends, before = ACTS[act]
    await make(storage, before)
    removed, control = removals(storage, monkeypatch), storage._ground.control
    call = control.call

    async def copied(operation, **arguments):
        if operation in ("copy_object", "put_object"):
            removed.clear()
        return await call(operation, **arguments)

    monkeypatch.setattr(control, "call", copied)
    await do(storage)
    target = {"move over": "b", "copy over": "b", "file over file": "end", "file over folder": "a", "folder over file": "file"}[
        act
    ]
    assert not {f"{prefix}{target}", f"{prefix}{target}/"} & set(removed)
    assert await tree(storage) == ends[1]


async def test_folders_come_before_what_is_in_them(on_seaweed, monkeypatch):
    """A folder that SeaweedFS makes for a file would take the place of a marker that is written at the same time."""
    storage, prefix = on_seaweed.storage, on_seaweed.options.prefix
    await make(storage, {"a": None, "a/in": None, "a/in/deep": None, "a/in/deep/file": b"1", "a/one": b"2"})
    control, made = storage._ground.control, []
    call = control.call

    async def noting(operation, **arguments):
        answer = await call(operation, **arguments)
        if operation in ("copy_object", "put_object"):
            key = arguments["Key"][len(prefix) :]
            above = {key[: at + 1] for at in range(len(key) - 1) if key[at] == "/" and key.startswith("b/")}
            assert above <= {*made}, (key, made)
            made.append(key)
        return answer

    monkeypatch.setattr(control, "call", noting)
    await storage.move(Path("a"), Path("b"), replace=False)
    assert {"b/", "b/in/", "b/in/deep/", "b/in/deep/file", "b/one"} <= {*made}
