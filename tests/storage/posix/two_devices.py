# ruff: noqa: ASYNC221, ASYNC230
"""Run in a mount namespace of its own: a tree whose folder ``mnt`` is another, small file system."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time

from twisted.internet import defer, task

from clawgate.errors import Forbidden, NotSupported, QuotaExceeded
from clawgate.interfaces import Piece
from clawgate.model.content import Intent, Target
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import PosixOptions, PosixStorage
from clawgate.testing.conformance import LARGE, SMALL, body_of, children, get, put, tree
from clawgate.testing.parts import sha1
from clawgate.workers import Workers

BIG = os.urandom(3 << 20)


async def refused(error, coroutine):
    try:
        await coroutine
    except error:
        return
    raise AssertionError(f"{error} was not raised")


async def main(reactor, root):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", f"{root}/mnt"], check=True)
    workers = Workers(reactor, "files", 2, 10)
    workers.start()
    try:
        for openat2 in (True, False):
            await both(reactor, root, PosixStorage(root, workers, PosixOptions(openat2=openat2)))
        await full(root, PosixStorage(f"{root}/mnt", workers, PosixOptions()))
        subprocess.run(["mount", "-o", "remount,ro", f"{root}/mnt"], check=True)
        await read_only(PosixStorage(f"{root}/mnt", workers, PosixOptions()))
    finally:
        workers.stop()


async def both(reactor, root, storage):
    async def gone():
        end = time.monotonic() + 60
        while time.monotonic() < end:
            left = [name for place in (".clawgate", "mnt") for name in os.listdir(f"{root}/{place}")]
            left = [name for name in left if name not in ("file", "folder")]
            if not left:
                return
            await task.deferLater(reactor, 0.01, lambda: None)
        raise AssertionError(left)

    for content in (SMALL, LARGE):
        written = await put(storage, "mnt/file", content, expected=Target.NOTHING)
        assert written.identity.own.count("-") == 1
        id = written.identity.id
        written = await put(storage, "mnt/file", content[::-1])
        assert written.replaced
        assert written.identity.id == id or "user.clawgate" not in os.listxattr(f"{root}/mnt/file")
        assert (await storage.identify(Path("mnt"), ["file"]))["file"] == written.identity
        assert await get(storage, "mnt/file") == content[::-1]
        handle = await storage.abilities.parts.begin(None)
        await storage.abilities.parts.write_at(handle, 0, body_of(content))
        await storage.abilities.parts.finish(handle, Path("mnt/file"), Intent(compute=("SHA1",)))
        assert await get(storage, "mnt/file") == content
        await gone()
        await storage.remove(Path("mnt/file"))
    await refused(QuotaExceeded, storage.write(Path("mnt/file"), body_of(b"x"), Intent(size=3 << 20)))
    await refused(QuotaExceeded, storage.write(Path("mnt/file"), body_of(BIG), Intent()))
    handle = await storage.abilities.parts.begin(None)
    await storage.abilities.parts.write_at(handle, 0, body_of(BIG))
    await refused(QuotaExceeded, storage.abilities.parts.finish(handle, Path("mnt/file"), Intent()))
    await storage.abilities.parts.abort(handle)
    await gone()
    await elsewhere(root, storage)
    await gone()

    await put(storage, "local", SMALL)
    await storage.make_folder(Path("folder"))
    await storage.make_folder(Path("folder/deep"))
    await put(storage, "folder/deep/file", LARGE)
    for source in ("local", "folder"):
        await refused(NotSupported, storage.move(Path(source), Path("mnt/moved"), replace=False))
    await storage.copy(Path("folder"), Path("mnt/folder"), replace=False)
    await storage.copy(Path("local"), Path("mnt/file"), replace=False)
    assert await tree(storage, Path("mnt")) == {
        "mnt/file": SMALL,
        "mnt/folder": None,
        "mnt/folder/deep": None,
        "mnt/folder/deep/file": LARGE,
    }
    for source in ("mnt/file", "mnt/folder"):
        for target in ("local", "folder"):
            await refused(NotSupported, storage.move(Path(source), Path(target), replace=True))
    await refused(Forbidden, storage.remove(Path("mnt")))
    await refused(Forbidden, storage.move(Path("mnt"), Path("away"), replace=False))
    await gone()
    assert sorted(await children(storage)) == ["folder", "local", "mnt"]
    await storage.copy(Path("local"), Path("mnt/folder"), replace=True)
    assert await get(storage, "mnt/folder") == SMALL
    for path in ("mnt/file", "mnt/folder", "local", "folder"):
        await storage.remove(Path(path))
    await storage.make_folder(Path("mnt/folder"))
    await put(storage, "mnt/folder/file", SMALL)
    await storage.remove(Path("mnt/folder"))
    await gone()
    assert await tree(storage) == {"mnt": None}


async def elsewhere(root, storage):
    """What could not be published on one file system, with all that it was to take over there, is published on another."""
    parts = storage.abilities.parts
    await put(storage, "mnt/file", SMALL)
    os.chmod(f"{root}/mnt/file", 0o400)
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(BIG), compute=("SHA1",))
    checksums = (sha1(BIG),)
    for _ in range(2):
        await refused(QuotaExceeded, parts.finish(handle, Path("mnt/file"), Intent(checksums=checksums, mtime_ns=1)))
        assert await parts.published(handle, Path("mnt/file")) is None
    written = await parts.finish(handle, Path("file"), Intent(checksums=checksums))
    assert os.stat(f"{root}/file").st_mode & 0o777 == 0o644
    assert written.identity.id == written.identity.own
    assert await parts.published(handle, Path("file")) == written
    assert await get(storage, "file") == BIG
    await storage.remove(Path("file"))
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(SMALL))
    await parts.finish(handle, Path("mnt/file"), Intent())
    assert await parts.published(handle, Path("mnt/file")) is None, "it is a copy"
    await storage.remove(Path("mnt/file"))


async def full(root, storage):
    await put(storage, "old", SMALL)
    for intent in (Intent(size=len(BIG)), Intent()):
        for path in ("old", "new"):
            await refused(QuotaExceeded, storage.write(Path(path), body_of(BIG), intent))
    handle = await storage.abilities.parts.begin(None)
    await refused(QuotaExceeded, storage.abilities.parts.write_at(handle, 0, body_of(BIG)))
    await refused(QuotaExceeded, storage.abilities.parts.begin(len(BIG)))
    await storage.abilities.parts.abort(handle)
    await room_again(root, storage)
    assert os.listdir(f"{root}/mnt/.clawgate") == []
    filler = open(f"{root}/mnt/filler", "wb", buffering=0)  # noqa: SIM115
    try:
        while True:
            filler.write(bytes(4096))
    except OSError as error:
        assert error.errno == errno.ENOSPC
    filler.close()
    await refused(QuotaExceeded, put(storage, "old", b"x" * 5000))
    await refused(QuotaExceeded, storage.copy(Path("filler"), Path("copy"), replace=False))
    assert await get(storage, "old") == SMALL
    assert os.listdir(f"{root}/mnt/.clawgate") == []
    assert (await storage.room()).available == 0


async def room_again(root, storage):
    """An upload that did not fit goes on where it stood once there is room."""
    parts = storage.abilities.parts
    content = BIG[: 1 << 20]
    fill = 1300 << 10
    for again in (0, 300_000):
        handle = await parts.begin(len(content))
        await parts.write_at(handle, 0, body_of(SMALL), alone=True, compute=("SHA1",))
        whole = SMALL + content
        with open(f"{root}/mnt/other", "wb") as file:
            file.write(bytes(fill))
        await refused(QuotaExceeded, parts.write_at(handle, len(SMALL), body_of(content), alone=True, compute=("SHA1",)))
        await refused(QuotaExceeded, parts.assemble([Piece(handle, 0, 500_000), Piece(handle, 0, 500_000)]))
        os.remove(f"{root}/mnt/other")
        at = len(SMALL) + again
        assert await parts.write_at(handle, at, body_of(whole[at:]), alone=True, compute=("SHA1",)) == len(whole) - at
        await parts.finish(handle, Path("grown"), Intent(size=len(whole), checksums=(sha1(whole),)))
        assert await get(storage, "grown") == whole
        await storage.remove(Path("grown"))


async def read_only(storage):
    before = await children(storage)
    for coroutine in (
        put(storage, "old", b"x"),
        put(storage, "new", LARGE),
        storage.make_folder(Path("folder")),
        storage.remove(Path("old")),
        storage.move(Path("old"), Path("new"), replace=False),
        storage.copy(Path("old"), Path("new"), replace=False),
        storage.touch(Path("old"), 1),
        storage.abilities.parts.begin(1),
    ):
        await refused(Forbidden, coroutine)
    await storage.pin(Path("old"), "pinned")
    assert "" in await storage.identify(ROOT, [""])
    assert await children(storage) == before


task.react(lambda reactor, root: defer.Deferred.fromCoroutine(main(reactor, root)), sys.argv[1:])
