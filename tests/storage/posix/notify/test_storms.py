# ruff: noqa: ASYNC220, ASYNC221
from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import attrs
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater

from clawgate.storage.posix.notify import fanotify_calls
from clawgate.workers import Workers

from .conftest import PATIENCE, hint, run, until

STORM = """
import os, sys
for number in range(int(sys.argv[1])):
    name = f"file{number}"
    os.mknod(name)
    os.unlink(name)
"""


def storm(root, count):
    subprocess.run([sys.executable, "-c", STORM, str(count)], cwd=root, check=True)


def most_queued(kind):
    with open(f"/proc/sys/fs/{kind}/max_queued_events") as stream:
        return int(stream.read())


@pytest_twisted.ensureDeferred
async def test_a_queue_that_runs_over_is_told(roots, kind, notifiers, listen):
    notifier = notifiers(kind)
    listener, other = listen(notifier, roots[1]), listen(notifier, roots[1] / "a")
    await listener.cover()
    await other.cover()
    # This process does not run its reactor, and so reads nothing.
    storm(roots[1], most_queued(kind) + 10)
    await until(lambda: listener.lost and other.lost)
    assert notifier.overflows == 1
    # Everything is as at the start.
    listener.lost = 0
    assert await listener.cover() == []
    listener.heard.clear()
    assert await listener.told("touch a/b/new; mv c d") == {hint("a/b", "new"), hint("", "c", True), hint("", "d", True)}
    assert not listener.lost


@pytest_twisted.ensureDeferred
async def test_a_storm_takes_no_more_memory_than_it_may(roots, kind, notifiers, listen, workers):
    notifier = notifiers(kind, queue_bytes=100_000)
    listener = listen(notifier, roots[1])
    await listener.cover()
    pump = (notifier._fanotify or notifier._inotify)._pump
    most = 0
    held = pump._read

    def read():
        nonlocal most
        more = held()
        most = max(most, pump._held)
        return more

    pump._read = read
    writer = subprocess.Popen([sys.executable, "-c", STORM, "50000"], cwd=roots[1])
    while writer.poll() is None:
        await deferLater(reactor, 0, lambda: None)
    await listener.all()
    assert 0 < most < 100_000 + 65536
    # All of it was told, or that some of it was not.
    assert listener.lost or notifier.events >= 50_000


@pytest_twisted.ensureDeferred
async def test_while_workers_are_busy_events_wait(root, kind, notifiers, listen):
    gate = threading.Event()
    own = Workers(reactor, "notify", 1, 0)
    own.start()
    try:
        notifier = notifiers(kind)
        notifier._workers = own
        if kind == "fanotify":
            notifier._fanotify._pump._workers = own
        listener = listen(notifier, root)
        await listener.cover()
        busy = ensureDeferred(own.run(gate.wait))
        (done := Deferred()).addCallback(lambda _: gate.set())
        reactor.callLater(0.05, done.callback, None)
        # Refused at first, as the worker waits and nothing may queue for it.
        heard = await listener.told("touch a/x")
        assert gate.is_set()
        assert heard == {hint("a", "x")}
        await busy
    finally:
        gate.set()
        own.stop()


@pytest_twisted.ensureDeferred
async def test_what_this_process_does_is_not_told_by_fanotify(roots, notifiers, listen, workers):
    for root in roots:
        notifier = notifiers("fanotify")
        listener = listen(notifier, root)
        await listener.cover()

        def work(root=root):
            (root / "own").mkdir()
            (root / "own/file").write_text("x")
            (root / "own").rename(root / "mine")
            (root / "f").unlink()
            os.utime(root / "a")

        work()
        await workers.run(os.chmod, root / "mine", 0o700)
        assert await listener.told("touch theirs") == {hint("", "theirs")}
        assert notifier.events > 5


@pytest_twisted.ensureDeferred
async def test_folders_that_nobody_can_tell_of_are_everybodys(root, notifiers, listen, monkeypatch):
    listener = listen(notifiers("fanotify"), root)
    await listener.cover()

    def fail(*_):
        raise OSError(24, "too many open files")

    monkeypatch.setattr(fanotify_calls, "open_by_handle", fail)
    await until_lost(listener, "touch a/x")


@pytest_twisted.ensureDeferred
async def test_what_is_not_understood_is_lost(root, kind, notifiers, listen, monkeypatch):
    notifier = notifiers(kind)
    listener = listen(notifier, root)
    await listener.cover()
    source = notifier._fanotify or notifier._inotify
    digest = source._pump._digest

    def fail(blocks):
        source._pump._digest = digest
        raise ValueError("no sense")

    source._pump._digest = fail
    await until_lost(listener, "touch a/x")


async def until_lost(listener, command):
    subprocess.run(["sh", "-ec", command], cwd=listener.root, check=True)
    await until(lambda: listener.lost)


@pytest_twisted.ensureDeferred
async def test_no_room_for_more_folders(root, notifiers, listen):
    now = 0.0
    notifier = notifiers("inotify", limit=3, clock=lambda: now)
    first, second = listen(notifier, root), listen(notifier, root.parent / "out")
    assert await first.cover(["", "c", "a/b", "a"]) == ["a/b"]
    assert notifier.describe() == "inotify, 3 of 3 folders"
    assert await first.cover(["a/b", "c"]) == ["a/b"], "nobody takes what is still wanted"
    now += 100
    assert await first.cover(["a/b"]) == ["c"]
    assert await first.told("touch c/x a/b/x") == {hint("a/b", "x")}
    # What is above is wanted as long as what is below; and others need room, too.
    now += 50
    assert await second.cover([""]) == [""]
    now += 11
    assert await second.cover(["", "d"]) == []
    await until(lambda: first.uncovered)
    assert first.uncovered == ["a/b", "a"]
    assert await second.told("touch ../root/x d/x") == {hint("d", "x")}
    assert first.heard[0] == hint("", "x")
    # Who does not listen for that has lost something.
    assert first.lost == 0
    first.changes._listeners[0] = attrs.evolve(first.changes._listeners[0], uncovered=None)
    now += 100
    assert await second.cover(["d", "e"]) == ["e"]
    (root.parent / "out/e").mkdir()
    assert await second.cover(["d", "e"]) == []
    await until(lambda: first.lost)
    second.end()
    first.end()
    assert notifier.describe() == "nothing"
    assert notifier._budget.taken == 0


@pytest_twisted.ensureDeferred
async def test_a_kernel_that_has_no_room(root, notifiers, listen, monkeypatch):
    from clawgate.storage.posix import kernel

    notifier = notifiers("inotify")
    listener = listen(notifier, root)
    assert await listener.cover(["a"]) == []

    def full(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(kernel, "inotify_add", full)
    assert await listener.cover(["a", "a/b", "c"]) == ["a/b", "c"]
    monkeypatch.undo()
    assert notifier._budget.taken == 2
    assert await listener.cover(["a/b"]) == []


@pytest_twisted.ensureDeferred
async def test_no_more_inotify_descriptors(root, notifiers, listen, monkeypatch):
    from clawgate.storage.posix import kernel

    def full():
        raise OSError(24, "too many open files")

    monkeypatch.setattr(kernel, "inotify_init", full)
    listener = listen(notifiers("inotify"), root)
    assert await listener.cover(["", "a"]) == ["", "a"]
    assert await listener.cover(["", "a"]) == ["", "a"]


@pytest_twisted.ensureDeferred
async def test_what_goes_while_it_is_being_covered(root, notifiers, listen, monkeypatch):
    notifier = notifiers("inotify")
    listener = listen(notifier, root)
    assert await listener.cover(["a"]) == []
    opened = listener.changes.ground.open

    def open_late(path, flags):
        fd = opened(path, flags)
        if path == "a/b":
            with notifier._inotify._lock:
                watches = notifier._inotify._watches
                watches.detach(watches.root(listener.changes).children[b"a"])
        return fd

    monkeypatch.setattr(listener.changes.ground, "open", open_late)
    assert await listener.cover(["a/b", "c"]) == ["a/b"]
    monkeypatch.undo()
    assert await listener.cover(["a/b", "c"]) == []
    assert await listener.told("touch a/b/x") == {hint("a/b", "x")}


@pytest_twisted.ensureDeferred
async def test_another_folder_takes_the_place_while_it_is_being_covered(root, notifiers, listen, monkeypatch):
    """The one that was opened is not watched under this name, and the one that stands there is."""
    listener = listen(notifiers("inotify"), root)
    assert await listener.cover(["a"]) == []
    opened = listener.changes.ground.open

    def open_late(path, flags):
        fd = opened(path, flags)
        if path == "a/b" and not (root / "a/z").exists():
            run("mv b z; mkdir b fence", root / "a")
            end = time.monotonic() + PATIENCE
            # The kernel keeps the order: with this the other two are heard as well, and none uncovers anything later.
            while hint("a", "fence", True) not in listener.heard and time.monotonic() < end:
                time.sleep(0.002)
        return fd

    monkeypatch.setattr(listener.changes.ground, "open", open_late)
    assert await listener.cover(["a/b"]) == []
    assert {hint("a", "b", True), hint("a", "z", True)} <= await listener.all()
    assert await listener.told("touch a/b/x") == {hint("a/b", "x")}
    assert await listener.told("touch a/z/x") == set()


@pytest_twisted.ensureDeferred
async def test_who_fails_keeps_nobody_from_hearing(root, kind, notifiers, listen):
    notifier = notifiers(kind)
    listener = listen(notifier, root)
    told = []
    end = listener.changes.subscribe(lambda hints: told.append(1 / 0), lambda: told.append(1 / 0))
    await listener.cover()
    second = listen(notifier, root)
    assert await second.cover() == []
    assert await listener.told("touch a/x") == {hint("a", "x")}
    assert second.heard[0] == hint("a", "x")
    end()
    end()
    assert told == []


@pytest_twisted.ensureDeferred
async def test_nothing_is_watched_for_nobody(root, kind, notifiers, listen):
    notifier = notifiers(kind)
    listener = listen(notifier, root)
    await listener.cover()
    listener.end()
    assert await listener.cover(["", "a"]) == ["", "a"]
    assert notifier.describe() == "nothing"


@pytest_twisted.ensureDeferred
async def test_own_changes_are_told_where_asked_for(root, notifiers, listen):
    listener = listen(notifiers("fanotify", own=True), root)
    await listener.cover()
    (root / "a/own").touch()
    assert await listener.told("touch a/theirs") == {hint("a", "own"), hint("a", "theirs")}
