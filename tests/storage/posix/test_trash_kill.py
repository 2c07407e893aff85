"""A kill at every single step: each content is in the tree or in the trash, never in neither and never in both."""

from __future__ import annotations

import errno
import os
import threading

import pytest
import pytest_twisted

from clawgate.model.content import Intent
from clawgate.model.path import Path
from clawgate.storage.posix import kernel
from clawgate.storage.posix.copying import Copying
from clawgate.storage.posix.draft import Draft
from clawgate.storage.posix.moving import move
from clawgate.storage.posix.version_files import expire
from clawgate.testing.conformance import children, put, tree
from clawgate.testing.history import content_of, trashed

CALLS = ("rename", "unlink", "open", "write", "writev", "mkdir", "link", "rmdir")


class Killed(BaseException):
    pass


class Steps:
    """Lets so many changes of this thread happen, and then none: nobody lives to clean up."""

    def __init__(self, monkeypatch, *, exchange=True, links=True):
        self.left = 0
        self.dead = False
        self.exchange = exchange
        self.links = links
        self.monkeypatch = monkeypatch

    def during(self, count, function):
        self.left, self.dead = count, False
        with self.monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self.step(name, getattr(os, name)))
            patch.setattr(kernel, "rename", self.step("flags", kernel.rename))
            try:
                return function()
            except Killed:
                return None

    def step(self, name, real):
        here = threading.get_ident()

        def call(*args, **keywords):
            if threading.get_ident() != here or (name == "open" and not args[1] & os.O_CREAT):
                return real(*args, **keywords)
            if self.dead or self.left == 0:
                self.dead = True
                raise Killed
            self.left -= 1
            if name == "flags" and not self.exchange:
                raise OSError(errno.EINVAL, "")
            if name == "link" and not self.links:
                raise OSError(errno.EPERM, "")
            return real(*args, **keywords)

        return call


async def contents(storage):
    """Every content in the tree and in the trash, sorted."""
    found = [content for content in (await tree(storage)).values() if content is not None]
    trash = storage.abilities.trash
    async for page in trash.list():
        for one in page:
            if one.node.is_folder:
                found += [await content_of(trash, one.key, node.name) for node in await trash.inside(one.key, Path(""))]
            else:
                found.append(await content_of(trash, one.key))
    return sorted(found)


async def make_some(storage, new, old):
    for name, kind in (("new", new), ("old", old)):
        if kind == "folder":
            await storage.make_folder(Path(name))
            await put(storage, f"{name}/file", name.encode())
        elif kind == "file":
            await put(storage, name, name.encode())


def act(storage, verb):
    trash, ground = storage.abilities.trash, storage._ground
    if verb == "move":
        return lambda: move(ground, Path("new"), Path("old"), replace=True)[1]
    if verb == "copy":
        return lambda: Copying(ground, Path("new"), Path("old"), replace=True, deep=True).run()[1]
    if verb == "discard":
        return lambda: trash._discard(Path("old"), None)
    if verb == "purge":
        return lambda: trash._purge(storage.key)
    return lambda: trash._restore(storage.key, Path("old"), verb == "replace") and None


WAYS = [
    (verb, new, old, exchange, links)
    for verb in ("move", "copy")
    for new in ("file", "folder")
    for old in ("file", "folder")
    for exchange in (True, False)
    for links in (True, False)
    if links or new == old == "file"
] + [(verb, "none", old, True, True) for verb in ("discard", "restore", "replace", "purge") for old in ("file", "folder")]


@pytest.mark.parametrize(("verb", "new", "old", "exchange", "links"), WAYS)
@pytest_twisted.ensureDeferred
async def test_at_every_step(root, make, staged, monkeypatch, verb, new, old, exchange, links):
    steps = Steps(monkeypatch, exchange=exchange, links=links)
    outcomes = set()
    for count in range(60):
        storage = make(durability="none", trash="hidden")
        await make_some(storage, new, old)
        wanted = [b"new", b"old"] if new != "none" else [b"old"]
        if verb in ("restore", "replace", "purge"):
            await storage.abilities.trash.discard(Path("old"))
            storage.key = (await trashed(storage.abilities.trash))["old"].key
        if verb == "replace":
            await put(storage, "old", b"other")
            wanted = [b"old", b"other"]
        slot = steps.during(count, act(storage, verb))
        again = make(trash="hidden")
        await again.sweep(frozenset(), 0)
        found = await contents(again)
        if verb == "copy" and found != wanted:
            wanted = [b"new", b"new", b"old"]
        assert found == wanted or (verb == "purge" and found == []), f"after {count} steps"
        outcomes.add(str((await tree(again), found)))
        if slot is not None:
            slot.close()
            await again.sweep(frozenset(), 0)
        assert await staged(apart=["trash"]) == []
        infos = os.listdir(root / ".clawgate" / "trash" / "info") if (root / ".clawgate" / "trash" / "info").exists() else []
        files = os.listdir(root / ".clawgate" / "trash" / "files") if infos else []
        assert sorted(infos) == sorted(f"{name}.trashinfo" for name in files), f"after {count} steps"
        for name in await children(again):
            await again.remove(Path(name))
        async for page in again.abilities.trash.list():
            for one in page:
                await again.abilities.trash.purge(one.key)
        if not steps.dead:
            break
    else:
        pytest.fail("never finished")
    assert len(outcomes) > 1


@pytest.mark.parametrize("verb", ["write", "restore"])
@pytest_twisted.ensureDeferred
async def test_versions_at_every_step(root, make, monkeypatch, verb):
    """The file is the old or the new one, with its id, and has its former content but for what was never written."""
    steps = Steps(monkeypatch)
    outcomes = set()
    for count in range(40):
        storage = make(durability="none", versions=True)
        await put(storage, "file", b"first")
        id = (await storage.identify(Path(""), ["file"]))["file"].id
        await put(storage, "file", b"second")
        versions = storage.abilities.versions
        (one,) = await versions.list(Path("file"))
        if verb == "write":
            work = lambda: Draft(storage._ground, Path("file"), Intent()).store([b"third"])  # noqa: B023, E731
        else:
            work = lambda: versions._restore(Path("file"), one.key)  # noqa: B023, E731
        steps.during(count, work)
        again = make(versions=True)
        await again.sweep(frozenset(), 0)
        former = []
        for version in await again.abilities.versions.list(Path("file")):
            reader = await again.abilities.versions.read(Path("file"), version.key)
            former.append(b"".join([chunk async for chunk in reader.stream()]))
            await reader.close()
        present = (await tree(again))["file"]
        before = (b"second", [b"first"])
        # Two changes within two seconds: of the former content the newest is kept.
        after = (b"third", [b"second"]) if verb == "write" else (b"first", [b"second"])
        assert (present, former) in (before, after, (after[0], [*after[1], *before[1]])), f"after {count} steps"
        assert (await again.identify(Path(""), ["file"]))["file"].id == id
        outcomes.add(present)
        expire(again._ground, float("inf"))
        await again.remove(Path("file"))
        if not steps.dead:
            break
    else:
        pytest.fail("never finished")
    assert len(outcomes) == 2
