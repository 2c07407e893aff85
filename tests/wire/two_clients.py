"""What two people with the same sync client do to one tree, and what must come of it."""

from __future__ import annotations

import os
from pathlib import Path

from . import trees
from .gateway import Gateway
from .programs import SyncClient


def agree(step: str, *roots: Path) -> None:
    """All trees are the same, byte for byte and with the same times."""
    first, *others = (trees.content(root) for root in roots)
    assert first, step
    for other in others:
        found = trees.differences(first, other)
        assert not found, f"{step}: {len(found)} differences:\n" + "\n".join(found[:30])


def play(program: str, gateway: Gateway, folder: Path) -> None:
    """The whole story, on a tree that was there before the gateway."""
    disk = gateway.make_home()
    trees.make(disk)
    before = trees.content(disk)
    gateway.start()
    one, two = (SyncClient(program, gateway, folder / name) for name in ("one", "two"))

    one.sync()
    two.sync()
    assert not trees.differences(before, trees.content(disk)), "a download changed the tree on the disk"
    agree("first download", disk, one.folder, two.folder)

    kept = two.folder / "move me/sub one/sub two"
    trees.write(kept / "anchor.txt", b"known by its inode", trees.TIME + 5)
    two.sync()
    one.sync()
    agree("one new file", disk, one.folder, two.folder)
    inode = (kept / "anchor.txt").stat().st_ino

    change_one(one.folder)
    change_two(two.folder)
    one.sync()
    two.sync()
    one.sync()
    two.sync()
    agree("changes on both sides", disk, one.folder, two.folder)
    moved = two.folder / "docs/moved here/sub one/sub two/anchor.txt"
    assert moved.stat().st_ino == inode, "a moved folder was downloaded again instead of moved"
    assert not (disk / "move me").exists()
    assert not (disk / "plain.txt").exists()
    assert not (disk / "src/a#b").exists()
    assert (disk / "docs/renamed 100% #1.txt").exists()

    conflict(one, two, disk)
    agree("after the conflict", disk, one.folder, two.folder)

    change_outside(disk)
    with gateway.client() as client:
        client.walk()  # somebody looks at the folders: from then on everybody knows
    one.sync()
    two.sync()
    agree("changes on the disk", disk, one.folder, two.folder)
    assert (one.folder / "docs/2024/from a job.txt").read_bytes() == b"written beside the gateway"

    quiet = trees.inodes(one.folder)
    one.sync()
    assert trees.inodes(one.folder) == quiet
    gateway.assert_tidy()


def change_one(root: Path) -> None:
    """Create, change, rename, move a folder, delete."""
    trees.write(root / "new/folder of one/näu + 50%.txt", b"made by one", trees.TIME + 100)
    trees.write(root / "new/empty", b"", trees.TIME + 101)
    trees.write(root / "new/30 MB.bin", os.urandom(30_000_000), trees.TIME + 102)
    trees.write(root / "docs/2024/changed by one.txt", b"first", trees.TIME + 103)
    some = sorted(path for path in (root / "Bücher").iterdir() if path.is_file())
    trees.write(some[0], b"changed by one " * 1000, trees.TIME + 104)
    trees.write(some[1], b"", trees.TIME + 105)
    (root / "move me").rename(root / "docs/moved here")
    (root / "plain.txt").unlink()


def change_two(root: Path) -> None:
    """The same elsewhere, and a whole folder deleted."""
    trees.write(root / "写真/新しい.jpg", os.urandom(11_000_000), trees.TIME + 200)
    some = sorted(path for path in (root / "src/c++").iterdir() if path.is_file())
    trees.write(some[0], b"changed by two " * 2000, trees.TIME + 201)
    some[1].rename(root / "docs/renamed 100% #1.txt")
    for path in sorted((root / "src/a#b").iterdir()):
        path.unlink()
    (root / "src/a#b").rmdir()
    (root / "empty folder & more").mkdir()


def conflict(one: SyncClient, two: SyncClient, disk: Path) -> None:
    """Both change one file: the first wins, the second keeps its version under another name."""
    name = "docs/2024/changed by one.txt"
    trees.write(one.folder / name, b"what one says", trees.TIME + 300)
    trees.write(two.folder / name, b"what two says, and more", trees.TIME + 301)
    one.sync()
    two.sync()
    two.sync()
    assert (disk / name).read_bytes() == b"what one says"
    assert (two.folder / name).read_bytes() == b"what one says"
    copies = [path for path in (two.folder / "docs/2024").iterdir() if "conflicted copy" in path.name]
    assert [path.read_bytes() for path in copies] == [b"what two says, and more"]
    copies[0].unlink()
    two.sync()


def change_outside(disk: Path) -> None:
    """What a job does to the files without asking the gateway."""
    trees.write(disk / "docs/2024/from a job.txt", b"written beside the gateway", trees.TIME + 400)
    trees.write(disk / "docs/2024/changed by one.txt", b"now by a job, at another length", trees.TIME + 401)
    (disk / "docs/renamed 100% #1.txt").rename(disk / "docs/50% done/renamed by a job.txt")
    (disk / "new/folder of one/näu + 50%.txt").unlink()
    (disk / "写真").rename(disk / "photos")
