from __future__ import annotations

import errno
import os
import random
import threading
import time

import pytest
import pytest_twisted

from clawgate.errors import ClawgateError, StorageUnavailable
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import kernel
from clawgate.storage.posix.confined import open_beneath, walk
from clawgate.testing.conformance import body_of, children, get, put

WAYS = pytest.mark.parametrize("ask_kernel", [True, False], ids=["openat2", "walking"])


@pytest.fixture
def tree(root):
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_text("file")
    for link, target in {
        "absolute": root / "a",
        "out": "../outside",
        "out-and-back": "../root/a",
        "in": "a/b",
        "a/up": "../a/b/file",
        "a/b/top": "../..",
        "loop": "loop",
        "ping": "pong",
        "pong": "ping",
        "dangling": "a/nothing",
        "chain": "in/top/a/up",
        "slash": "a/b/",
        "self": "a/./b/../b",
    }.items():
        (root / link).symlink_to(target)
    fd = os.open(root, os.O_PATH)
    yield fd
    os.close(fd)


def read(root, path, *, follow, ask_kernel):
    fd = open_beneath(root, path, os.O_RDONLY, follow=follow, ask_kernel=ask_kernel)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


def test_this_kernel_has_it():
    assert kernel.has_openat2()


@WAYS
def test_plain_paths(tree, ask_kernel):
    for follow in (True, False):
        assert read(tree, b"a/b/file", follow=follow, ask_kernel=ask_kernel) == b"file"
        fd = open_beneath(tree, b"", os.O_PATH | os.O_DIRECTORY, follow=follow, ask_kernel=ask_kernel)
        assert os.fstat(fd).st_ino == os.fstat(tree).st_ino
        os.close(fd)
        for path, number in ((b"a/nothing", errno.ENOENT), (b"a/b/file/x", errno.ENOTDIR), (b"nothing/x", errno.ENOENT)):
            with pytest.raises(OSError) as caught:
                read(tree, path, follow=follow, ask_kernel=ask_kernel)
            assert caught.value.errno == number


@WAYS
def test_links_inside_are_followed_if_asked(tree, ask_kernel):
    for path in (b"in/file", b"a/up", b"chain", b"slash/file", b"self/file", b"a/b/top/a/b/file", b"in/top/in/file"):
        assert read(tree, path, follow=True, ask_kernel=ask_kernel) == b"file"
        with pytest.raises(OSError) as caught:
            read(tree, path, follow=False, ask_kernel=ask_kernel)
        assert caught.value.errno == errno.ELOOP


@WAYS
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_PATH, os.O_RDONLY | os.O_DIRECTORY, os.O_PATH | os.O_DIRECTORY])
def test_a_link_at_the_end_is_told(tree, ask_kernel, flags):
    for path in (b"in", b"out", b"loop", b"dangling"):
        with pytest.raises(OSError) as caught:
            open_beneath(tree, path, flags, follow=False, ask_kernel=ask_kernel)
        assert caught.value.errno == errno.ELOOP


@WAYS
def test_nothing_leads_out(tree, ask_kernel):
    for path in (
        b"out",
        b"out/secret",
        b"absolute/b/file",
        b"out-and-back/b/file",
        b"..",
        b"../outside/secret",
        b"a/../../outside",
    ):
        with pytest.raises(OSError) as caught:
            read(tree, path, follow=True, ask_kernel=ask_kernel)
        assert caught.value.errno == errno.EXDEV
        with pytest.raises(OSError):
            read(tree, path, follow=False, ask_kernel=ask_kernel)


@WAYS
def test_loops_end(tree, ask_kernel):
    for path in (b"loop", b"loop/x", b"ping", b"a/b/top/pong"):
        with pytest.raises(OSError) as caught:
            read(tree, path, follow=True, ask_kernel=ask_kernel)
        assert caught.value.errno == errno.ELOOP


def test_a_walk_names_the_target_of_a_link(tree):
    for path, last in ((b"a/up", b"file"), (b"dangling", b"nothing"), (b"in", b"b"), (b"a/b/top", b".")):
        fd, name = walk(tree, path, follow=True)
        os.close(fd)
        assert name == last


def test_no_descriptor_is_left(tree):
    before = os.listdir("/proc/self/fd")
    for path in (b"a/b/file", b"out", b"loop", b"chain", b"a/b/file/x", b"nothing/x", b"in/top/in/file", b"dangling", b"a/b/top"):
        for follow in (True, False):
            try:
                read(tree, path, follow=follow, ask_kernel=False)
            except OSError:
                continue
    assert len(os.listdir("/proc/self/fd")) == len(before)


@WAYS
@pytest_twisted.ensureDeferred
async def test_paths_longer_than_the_kernel_takes(root, make, ask_kernel):
    storage = make(openat2=ask_kernel)
    path = ""
    for _ in range(30):
        path = f"{path}/{'d' * 200}".lstrip("/")
        await storage.make_folder(Path(path))
    await put(storage, f"{path}/file", b"deep")
    assert await get(storage, f"{path}/file") == b"deep"
    assert list(await children(storage, path)) == ["file"]
    await storage.copy(Path("d" * 200), Path("copy"), replace=False)
    assert await get(storage, "copy" + path[200:] + "/file") == b"deep"
    await storage.remove(Path("d" * 200))


@pytest_twisted.ensureDeferred
async def test_a_root_that_is_missing_is_no_empty_space(root, make):
    storage = make()
    await put(storage, "file", b"x")
    root.rename(root.parent / "away")
    for call in (storage.stat(ROOT), storage.list(ROOT), storage.stat(Path("file")), put(storage, "file", b"y")):
        with pytest.raises(StorageUnavailable):
            await call
    root.mkdir()
    assert await children(storage) == {}
    root.rmdir()
    (root.parent / "away").rename(root)
    assert await get(storage, "file") == b"x"


@WAYS
@pytest.mark.parametrize("symlinks", ["hide", "follow", "refuse"])
@pytest_twisted.ensureDeferred
async def test_races_never_lead_out(root, make, ask_kernel, symlinks):
    """A folder becomes a link to the outside and a folder again, all the time, while the storage works in it."""
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    (outside / "folder").mkdir()
    facts = {path: path.stat() for path in (outside, outside / "file", outside / "folder")}
    (root / "real").mkdir()
    (root / "real/file").write_text("mine")
    (root / "real/folder").mkdir()
    os.symlink("../outside", root / "link")
    os.rename(root / "real", root / "d")
    stop = threading.Event()

    def swap():
        held = os.open(root, os.O_PATH)
        chance = random.Random(1)
        while not stop.is_set():
            kernel.rename(held, b"d", held, b"link", kernel.RENAME_EXCHANGE)
            # Not in step with the workers, which wait for the interpreter's lock.
            time.sleep(chance.random() / 5000)
        os.close(held)

    thread = threading.Thread(target=swap)
    thread.start()
    storage = make(openat2=ask_kernel, symlinks=symlinks, durability="none")
    done = 0

    async def attempt(coroutine):
        nonlocal done
        try:
            result = await coroutine
        except ClawgateError:
            return None
        done += 1
        return result

    try:
        for n in range(80):
            content = await attempt(get(storage, "d/file"))
            assert content in (None, b"mine", b"new" * 40000)
            found = await attempt(children(storage, "d"))
            assert found is None or all(node.size != len("secret") for node in found.values())
            await attempt(storage.write(Path("d/file"), body_of(b"mine"), Intent(size=4)))
            await attempt(storage.write(Path("d/file"), body_of(b"new" * 40000), Intent()))
            await attempt(storage.make_folder(Path(f"d/made{n}")))
            await attempt(storage.move(Path(f"d/made{n}"), Path("d/folder"), replace=True))
            await attempt(storage.copy(Path("d/file"), Path(f"d/copy{n}"), replace=True))
            await attempt(storage.copy(Path("d"), Path("copied"), replace=True))
            await attempt(storage.touch(Path("d/file"), 1_000_000_000))
            await attempt(storage.pin(Path("d/file"), "pinned"))
            await attempt(storage.remove(Path(f"d/copy{n}")))
            handle = await storage.abilities.parts.begin(None)
            await storage.abilities.parts.write_at(handle, 0, body_of(b"mine"))
            await attempt(storage.abilities.parts.finish(handle, Path("d/file"), Intent()))
    finally:
        stop.set()
        thread.join()
    assert done > 50
    assert sorted(os.listdir(outside)) == ["file", "folder"]
    assert (outside / "file").read_text() == "secret"
    for path, before in facts.items():
        now = path.stat()
        assert (now.st_mtime_ns, now.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
    if (root / "copied").exists():
        assert "secret" not in {path.read_text() for path in (root / "copied").rglob("*") if path.is_file()}
