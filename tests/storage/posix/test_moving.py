from __future__ import annotations

import errno
import fcntl
import json
import os

import pytest
import pytest_twisted

from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import kernel
from clawgate.storage.posix.copying import Copying
from clawgate.storage.posix.moving import move
from clawgate.testing.conformance import put, tree

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def without_flags(monkeypatch):
    """A file system that knows no flags of renameat2."""

    def refuse(*_):
        raise OSError(errno.EINVAL, "")

    monkeypatch.setattr(kernel, "rename", refuse)


class Killed(BaseException):
    pass


async def make_some(storage):
    await storage.make_folder(Path("new"))
    await put(storage, "new/file", b"new")
    await storage.make_folder(Path("old"))
    await put(storage, "old/file", b"old")


BEFORE = {"new": None, "new/file": b"new", "old": None, "old/file": b"old"}
AFTER = {"old": None, "old/file": b"new"}


@pytest_twisted.ensureDeferred
async def test_without_the_kernels_help(root, make, staged, without_flags):
    storage = make()
    await make_some(storage)
    id = (await storage.identify(ROOT, ["new"]))["new"].id
    await storage.move(Path("new"), Path("old"), replace=True)
    assert await tree(storage) == AFTER
    assert (await storage.identify(ROOT, ["old"]))["old"].id == id
    await storage.copy(Path("old"), Path("copy"), replace=False)
    await storage.copy(Path("copy"), Path("old"), replace=True)
    await storage.move(Path("old/file"), Path("file"), replace=False)
    assert await tree(storage) == {"copy": None, "copy/file": b"new", "old": None, "file": b"new"}
    assert await staged() == []


@pytest.mark.parametrize("ability", ["move", "copy"])
@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two steps"])
@pytest_twisted.ensureDeferred
async def test_a_kill_at_any_step_leaves_the_old_or_the_new(root, make, staged, monkeypatch, exchange, ability):
    """Each change of a name is the last one once; what a new process finds and the janitor makes of it is looked at."""
    real = {
        "rename": os.rename,
        "unlink": os.unlink,
        "open": os.open,
        "write": os.write,
        "mkdir": os.mkdir,
        "flags": kernel.rename,
    }
    countdown = 0
    dead = False

    def step(name):
        def call(*args, **keywords):
            nonlocal countdown, dead
            if name == "open" and not args[1] & os.O_CREAT:
                return real[name](*args, **keywords)
            if dead or countdown == 0:
                dead = True
                raise Killed
            countdown -= 1
            if name == "flags" and not exchange:
                raise OSError(errno.EINVAL, "")
            return real[name](*args, **keywords)

        return call

    reached = set()
    for steps in range(20):
        storage = make(durability="none")
        await make_some(storage)
        countdown, dead = steps, False
        with monkeypatch.context() as patch:
            for name in ("rename", "unlink", "open", "write", "mkdir"):
                patch.setattr(os, name, step(name))
            patch.setattr(kernel, "rename", step("flags"))
            try:
                if ability == "move":
                    _, slot = move(storage._ground, Path("new"), Path("old"), replace=True)
                else:
                    _, slot = Copying(storage._ground, Path("new"), Path("old"), replace=True, deep=True).run()
            except Killed:
                slot = None
        again = make()
        await again.sweep(frozenset(), 0)
        found = await tree(again)
        after = AFTER if ability == "move" else BEFORE | AFTER
        assert found in (BEFORE, after), f"after {steps} steps"
        reached.add(found == after)
        assert await staged() == []
        if slot is not None:
            slot.close()
        for path in list(found):
            if "/" not in path:
                await again.remove(Path(path))
        assert await staged() == []
        if not dead:
            break
    else:
        pytest.fail("never finished")
    assert reached == {True, False}


@pytest_twisted.ensureDeferred
async def test_what_is_being_moved_now_is_left_alone(root, make):
    storage = make()
    await make_some(storage)
    staging = root / ".clawgate"
    own = (await storage.identify(ROOT, ["new"]))["new"].own
    note = staging / f"note-{TOKEN}"
    note.write_text(json.dumps({"own": own, "source": "new", "target": "old"}))
    (root / "new").rename(staging / f"in-{TOKEN}")
    with note.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert await storage.sweep(frozenset(), 0) == 0
        assert sorted(os.listdir(staging)) == [f"in-{TOKEN}", f"note-{TOKEN}"]
    await storage.sweep(frozenset(), 0)
    assert await tree(storage) == BEFORE


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_put_back_is_kept(root, make):
    storage = make()
    await make_some(storage)
    staging = root / ".clawgate"
    own = (await storage.identify(ROOT, ["new"]))["new"].own
    (staging / f"note-{TOKEN}").write_text(json.dumps({"own": own, "source": "new", "target": "old"}))
    (root / "new").rename(staging / f"in-{TOKEN}")
    (root / "new").write_text("somebody else's")
    for _ in range(2):
        await storage.sweep(frozenset(), 0)
    assert (root / "new").read_text() == "somebody else's"
    assert (staging / f"lost-in-{TOKEN}/file").read_text() == "new"


@pytest_twisted.ensureDeferred
async def test_two_names_of_one_file(root, make):
    storage = make()
    await put(storage, "a", b"x")
    os.link(root / "a", root / "b")
    await storage.move(Path("a"), Path("b"), replace=True)
    assert await tree(storage) == {"b": b"x"}


@pytest_twisted.ensureDeferred
async def test_a_deep_tree_is_removed(root, make, staged):
    storage = make()
    here = os.open(root, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(os.open("file", os.O_CREAT, 0o600, dir_fd=below))
        os.close(here)
        here = below
    os.close(here)
    await storage.remove(Path("deep"))
    assert await tree(storage) == {}
    assert await staged() == []


@pytest_twisted.ensureDeferred
async def test_folders_without_rights_are_removed(root, make, staged):
    storage = make()
    (root / "a/b/c").mkdir(parents=True)
    (root / "a/b/file").touch()
    (root / "a/b").chmod(0o500)
    (root / "a/b/c").chmod(0)
    await storage.remove(Path("a"))
    assert await staged() == []
