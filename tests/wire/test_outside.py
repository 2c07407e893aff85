"""Somebody else writes to the files all the time: clients, disk and index come to agree, and every change is known in time.

In each mode, and with fanotify (root) as well as with inotify (without privileges).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from . import launch, trees
from .gateway import Gateway
from .outside import Outside, RootEtag, unknown
from .programs import SyncClient
from .two_clients import agree

STALENESS = 1.5
"""Seconds; the set bound."""
SECONDS = 3.0
"""So long the writer is at work at least."""

MODES = ["none", "scan", "fanotify", "inotify"]


def allowed(polls: RootEtag) -> float:
    """Seconds from a change to the etag that shows it: the set bound, and what a loaded machine makes of it.

    Whatever the gateway has to do takes as many times longer as a loop here does that only counts. Besides, each of the few steps
    on the way may begin as late as the slowest poll was answered.
    """
    start, busy = time.monotonic(), time.thread_time()
    while (spent := time.thread_time() - busy) < 0.02:
        pass
    return STALENESS * (time.monotonic() - start) / spent + 10 * polls.slowest + 1.0


def wait_out(gateway: Gateway, change: float) -> None:
    """Let so much time pass after the last change that all must be known."""
    with RootEtag(gateway) as polls:
        while time.monotonic() < change + allowed(polls):
            time.sleep(0.05)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Makes a gateway, not started yet, for a mode."""
    with ExitStack() as stack:

        def make(mode: str) -> Gateway:
            folder = tmp_path / "gateway"
            folder.mkdir()
            gateway = Gateway(folder, launch.unprivileged if mode == "inotify" else launch.twistd)
            stack.callback(gateway.close)
            way = "watch" if mode.endswith("notify") else mode
            gateway.configure(mounts__home={"outside_changes": way, "staleness_max": STALENESS, "durability": "none"})
            return gateway

        yield make


def verify(gateway: Gateway) -> None:
    gateway.stop()
    said = gateway.tool("index", "verify")
    assert said.returncode == 0, said.stdout + said.stderr


def busy(client: SyncClient, own: str, number: int) -> None:
    """Some work of a client's user, in a folder that is only theirs."""
    folder = client.folder / own
    trees.write(folder / f"new {number}.txt", f"{own} {number}".encode())
    trees.write(folder / f"folder {number}/inside.txt", os.urandom(5000))
    trees.write(folder / "changed.txt", b"again " * number)
    if number > 1:
        (folder / f"folder {number - 1}").rename(folder / f"renamed {number - 1}")
        (folder / f"new {number - 1}.txt").unlink()


@pytest.mark.parametrize("mode", MODES)
def test_two_clients_and_a_job(house: Callable[..., Gateway], tmp_path: Path, mode: str) -> None:
    gateway = house(mode)
    disk = gateway.make_home()
    for name in ("one", "two"):
        trees.write(disk / name / "kept.txt", b"kept", trees.TIME)
    clients = {name: SyncClient("owncloudcmd", gateway, tmp_path / name) for name in ("one", "two")}
    with Outside(disk / "job", tmp_path / "supply", MODES.index(mode), 0.02) as writer, ExitStack() as stack:
        gateway.start()
        end = time.monotonic() + SECONDS
        rounds = 0
        while time.monotonic() < end or rounds < 2:
            rounds += 1
            running = []
            for name, client in clients.items():
                busy(client, name, rounds)
                running.append(stack.enter_context(client.start()))
            for program in running:
                # What vanished between listing and download makes a client end with an error; the next round mends it.
                program.end(0, 1)
        writer.has_made(60)
        report = writer.stop()
        assert sum(report["operations"].values()) > 50, report
    with gateway.client() as web:
        if mode == "none":
            web.walk()
        else:
            wait_out(gateway, report["ended"])
            assert not unknown(gateway), "not entered in time"
    settle(disk, *clients.values())
    assert not writer.disagreements(), "somebody changed what is the job's alone"
    verify(gateway)


def settle(disk: Path, *clients: SyncClient) -> None:
    """Sync until nothing is different any more; a few rounds must do.

    Copies that a client has set aside do not count. owncloudcmd 2.11 does that where a file and the folder above it changed in
    the same moment: the download fails because the folder has another name by then, the next round renames the folder but leaves
    what it noted of that file under the old name, and so takes its own old version for a new file beside the server's. Where it
    renames the folder in the round in which it wants to upload that, it ends with 1 ("File Removed"), and the next round has to
    be without a fault.
    """
    for _ in range(5):
        codes = []
        for client in clients:
            client.forgive()
            with client.start() as running:
                running.end(0, 1)
                codes.append(running.process.returncode)
            for copy in client.folder.rglob("*(conflicted copy *"):
                copy.unlink()
        if not any(codes) and all(trees.content(client.folder) == trees.content(disk) for client in clients):
            return
    assert not any(codes), "clients go on failing"
    agree("after all", disk, *[client.folder for client in clients])


class Change(NamedTuple):
    """Something done on the disk."""

    what: str
    do: Callable[[Path], object]


def same_size_and_time(home: Path) -> None:
    """Another file takes the place of one, with the same size and modification time."""
    path = home / "a/b/c/twin.txt"
    new = path.with_name("new")
    trees.write(new, b"other", path.stat().st_mtime)
    new.rename(path)


def deep_at_once(home: Path) -> None:
    """Folders in folders, quicker than anybody could begin to watch them one after the other."""
    trees.write(home / "new/1/2/3/4/5/6/7/8/file.txt", b"at the bottom")


CHANGES = [
    Change("append", lambda home: trees.write(home / "a/b/c/log.txt", b"longer than it was")),
    Change("new file", lambda home: trees.write(home / "a/b/new.txt", b"new")),
    Change("replaced by its like", same_size_and_time),
    Change("renamed folder", lambda home: (home / "a/b").rename(home / "a/renamed")),
    Change("touch into the past", lambda home: os.utime(home / "a/renamed/c/log.txt", (trees.TIME, trees.TIME))),
    Change("removed", lambda home: (home / "a/renamed/c/twin.txt").unlink()),
    Change("by another name", lambda home: trees.write(home / "x/y/further name.txt", b"both have changed")),
    Change("deep at once", deep_at_once),
]


@pytest.mark.parametrize("mode", ["scan", "fanotify", "inotify"])
def test_each_change_is_known_in_time(house: Callable[..., Gateway], mode: str) -> None:
    """From the change to the root's etag, with nobody looking at anything but the root."""
    gateway = house(mode)
    home = gateway.make_home()
    for name in ("a/b/c/log.txt", "a/b/c/twin.txt", "a/b/c/linked.txt", "x/y/file.txt"):
        trees.write(home / name, b"first", trees.TIME)
    os.link(home / "a/b/c/linked.txt", home / "x/y/further name.txt")
    gateway.start()
    with gateway.client() as client:
        client.walk()
        while unknown(gateway):
            pass
        with RootEtag(gateway) as polls:
            for change in CHANGES:
                old = polls.now
                began = time.monotonic()
                change.do(home)
                took = polls.moved(old, 60) - began
                print(f"{mode}: {change.what}: {took:.3f} s")
                assert took < allowed(polls), change.what
        wait_out(gateway, time.monotonic())
        assert not unknown(gateway), "not entered in time"
    verify(gateway)


@pytest.mark.parametrize("mode", ["fanotify", "inotify"])
def test_events_that_are_lost(house: Callable[..., Gateway], tmp_path: Path, mode: str) -> None:
    """Queues that are much too small, and a gateway that sleeps while a storm of changes goes on."""
    gateway = house(mode)
    gateway.configure(outside={"hints": 10})
    home = gateway.make_home()
    with small_queue(mode):
        gateway.start()
    with gateway.client() as client:
        client.walk()
        with Outside(home / "job", tmp_path / "supply", 7, 0.0) as writer:
            with writer.paused():
                client.walk()
            assert gateway.process is not None
            for _ in range(3):
                os.kill(gateway.process.pid, signal.SIGSTOP)
                writer.go_on(60)
                os.kill(gateway.process.pid, signal.SIGCONT)
                time.sleep(0.2)
            os.kill(gateway.process.pid, signal.SIGSTOP)
            writer.go_on(60)
            writer.stop()
            os.kill(gateway.process.pid, signal.SIGCONT)
            woken = time.monotonic()
        wait_out(gateway, woken)
        assert not unknown(gateway), "not entered in time"
    assert not writer.disagreements()
    verify(gateway)


@contextmanager
def small_queue(mode: str) -> Iterator[None]:
    """What begins to listen to the kernel meanwhile can be told of 16 events before it reads them."""
    limit = Path(f"/proc/sys/fs/{mode}/max_queued_events")
    usual = limit.read_text()
    limit.write_text("16")
    try:
        yield
    finally:
        limit.write_text(usual)


def test_a_working_tree_of_git(house: Callable[..., Gateway], tmp_path: Path) -> None:
    """To another branch and back while a client syncs, which ends up with a tree that git finds clean."""
    gateway = house("fanotify")
    home = gateway.make_home()
    repository = home / "repository"
    git("init", "-q", repository)
    for branch in ("one", "two"):
        git("-C", repository, "checkout", "-q", "-b", branch)
        for number in range(60):
            name = f"{branch if number % 3 else 'both'} {number}.txt"
            trees.write(repository / f"folder {number % 5}" / name, f"{branch} {number}".encode())
        git("-C", repository, "add", ".")
        git("-C", repository, "commit", "-q", "-m", branch)
    gateway.start()
    client = SyncClient("owncloudcmd", gateway, tmp_path / "one")
    client.sync()
    agree("first download", home, client.folder)
    for branch in ("one", "two", "one"):
        running = client.start()
        git("-C", repository, "checkout", "-q", branch)
        running.end(0, 1)
    done = time.monotonic()
    wait_out(gateway, done)
    settle(home, client)
    for tree in (home, client.folder):
        said = git("--no-optional-locks", "-C", tree / "repository", "status", "--porcelain")
        assert not said, said
        assert git("-C", tree / "repository", "log", "-1", "--format=%s") == "one\n"
    verify(gateway)


def git(*arguments: str | Path) -> str:
    settings = ("user.name=job", "user.email=job@example.org", "gc.auto=0", "init.defaultBranch=zero", "safe.directory=*")
    options = [part for setting in settings for part in ("-c", setting)]
    done = subprocess.run(["git", *options, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout
