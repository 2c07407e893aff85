from __future__ import annotations

import os

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import FolderWatches, PosixOptions, PosixStorage, kernel
from clawgate.testing.conformance import put


@pytest.fixture
def watches():
    watches = FolderWatches(reactor, 10)
    watches.start()
    yield watches
    watches.close()


@pytest.fixture
def add(watches):
    def add(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            return watches.add(fd)
        finally:
            os.close(fd)

    return add


CHANGES = {
    "create": lambda root: (root / "new").touch(),
    "modify": lambda root: (root / "file").write_text("y"),
    "mode": lambda root: (root / "file").chmod(0o600),
    "time": lambda root: os.utime(root / "file"),
    "attribute": lambda root: os.setxattr(root / "file", "user.x", b"1"),
    "delete": lambda root: (root / "file").unlink(),
    "rename": lambda root: (root / "file").rename(root / "other"),
    "away": lambda root: (root / "file").rename(root.parent / "other"),
    "mkdir": lambda root: (root / "folder").mkdir(),
    "own mode": lambda root: root.chmod(0o711),
    "own name": lambda root: root.rename(root.parent / "other"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_at_once(root, add, change):
    (root / "file").write_text("x")
    ticket = add(root)
    assert ticket.check()
    assert ticket.check()
    CHANGES[change](root)
    assert not ticket.check()
    assert not ticket.valid


def test_reading_is_no_change(root, add):
    (root / "file").write_text("x")
    (root / "folder").mkdir()
    ticket = add(root)
    (root / "file").read_text()
    os.listdir(root)
    (root / "folder/deeper").touch()
    assert ticket.check()


def test_a_folder_can_be_watched_again(root, add, watches):
    first = add(root)
    assert add(root).check()
    (root / "a").touch()
    second = add(root)
    assert second is not first
    assert not first.check()
    assert second.check()
    (root / "b").touch()
    assert not second.check()
    assert len(watches) == 0


@pytest_twisted.ensureDeferred
async def test_the_reactor_reads_events(root, add, watches):
    ticket = add(root)
    (root / "a").touch()
    await deferLater(reactor, 0.01, lambda: None)
    assert not ticket.valid


def test_the_one_not_asked_for_longest_gives_way(root, add, watches):
    tickets = []
    for n in range(10):
        (root / str(n)).mkdir()
        tickets.append(add(root / str(n)))
    assert tickets[0].check()
    (root / "more").mkdir()
    more = add(root / "more")
    assert [ticket.check() for ticket in tickets] == [True, False] + [True] * 8
    assert len(watches) == 10
    (root / "1/file").touch()
    (root / "more/file").touch()
    assert not more.check()
    assert tickets[0].check()


def test_no_ticket_where_the_kernel_cannot_tell(root, add, monkeypatch):
    assert add("/proc/self") is None
    (root / "file").touch()
    assert add(root / "file") is None

    def full(*_):
        raise OSError(28, "")

    monkeypatch.setattr(kernel, "inotify_add", full)
    assert add(root) is None


def test_too_many_events_invalidate_all(root, add, watches):
    tickets = []
    for n in range(3):
        (root / str(n)).mkdir()
        tickets.append(add(root / str(n)))
    watches._contents._take(kernel.struct.pack("iIII", -1, 0x4000, 0, 0))
    assert [ticket.check() for ticket in tickets] == [False] * 3
    ticket = add(root / "0")
    assert ticket.check()
    (root / "0/file").touch()
    assert not ticket.check()


def test_closed_watches_vouch_for_nothing(root):
    watches = FolderWatches(reactor, 10)
    fd = os.open(root, os.O_RDONLY)
    ticket = watches.add(fd)
    watches.close()
    watches.close()
    assert not ticket.check()
    assert watches.add(fd) is None
    os.close(fd)


@pytest_twisted.ensureDeferred
async def test_a_folder_above_moves_or_another_takes_its_place(root, workers, watches):
    storage = PosixStorage(str(root), workers, PosixOptions(), watches)
    (root / "a/b/c").mkdir(parents=True)
    (root / "x/b/c").mkdir(parents=True)
    listing = await storage.list(Path("a/b/c"))
    (root / "a/file").touch()
    (root / "new").touch()
    assert listing.current()
    (root / "a").rename(root / "y")
    assert not listing.current()
    (root / "x").rename(root / "a")
    listing = await storage.list(Path("a/b/c"))
    assert listing.current()
    root.rename(root.parent / "elsewhere")
    assert not listing.current()
    (root.parent / "elsewhere").rename(root)
    following = PosixStorage(str(root), workers, PosixOptions(symlinks="follow"), watches)
    assert (await following.list(Path("a"))).current is None


@pytest_twisted.ensureDeferred
async def test_listings_vouch_for_themselves(root, workers, watches):
    storage = PosixStorage(str(root), workers, PosixOptions(), watches)
    await put(storage, "file", b"x")
    listing = await storage.list(ROOT)
    assert listing.current()
    assert (await storage.list(ROOT)).current()
    (root / "file").write_text("y")
    assert not listing.current()
    os.link(root / "file", root / "second")
    assert (await storage.list(ROOT)).current is None
    os.unlink(root / "second")
    assert (await storage.list(ROOT)).current()
    unwatched = PosixStorage(str(root), workers, PosixOptions())
    assert (await unwatched.list(ROOT)).current is None
