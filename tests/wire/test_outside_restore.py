"""The tree goes back in time: an older copy of it takes its place. Clients are told, and keep what is newer with them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from . import dav, trees
from .gateway import Gateway
from .programs import SyncClient

FINGERPRINT = b'<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop><oc:data-fingerprint/></prop></propfind>'


def fingerprint(client: dav.Client) -> str:
    answer = client.ask("PROPFIND", "", FINGERPRINT, {"Depth": "0", "Content-Type": "application/xml"})
    assert answer.status == 207, answer
    _, found, rest = answer.body.partition(b"data-fingerprint>")
    return rest.partition(b"<")[0].decode() if found else ""


def by_rsync(backup: Path, home: Path) -> None:
    subprocess.run(["rsync", "-a", "--delete", f"{backup}/", f"{home}/"], check=True)


def by_copy(backup: Path, home: Path) -> None:
    for path in home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    subprocess.run(["cp", "-a", f"{backup}/.", str(home)], check=True)


def kept(tree: Path) -> dict[str, bytes]:
    """What the gateway itself keeps in a tree."""
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.glob(".clawgate*/*") if path.is_file()}


def until(done: Callable[[], bool], text: str) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, text
        time.sleep(0.02)


@pytest.mark.parametrize(("restore", "running"), [(by_rsync, True), (by_copy, False)], ids=["rsync", "copy while stopped"])
def test_clients_keep_what_is_newer(
    stopped_gateway: Gateway, tmp_path: Path, restore: Callable[[Path, Path], None], running: bool
) -> None:
    gateway = stopped_gateway
    gateway.configure(
        mounts__home={"outside_changes": "watch", "staleness_max": 2.0, "durability": "none"}, outside={"generation_seconds": 0.1}
    )
    home = gateway.make_home()
    for number in range(30):
        trees.write(home / f"folder/old {number}.txt", b"as it was %d" % number, trees.TIME + number)
    gateway.start()
    one = SyncClient("owncloudcmd", gateway, tmp_path / "one")
    one.sync()
    backup = tmp_path / "backup"
    subprocess.run(["cp", "-a", home, backup], check=True)
    # Work after the backup: changed, new, and in a new folder.
    now = int(time.time())
    for number in range(15):
        trees.write(one.folder / f"folder/old {number}.txt", b"changed after the backup %d" % number, now)
    for number in range(10):
        trees.write(one.folder / f"later/new {number}.txt", b"new after the backup %d" % number, now)
    trees.write(one.folder / "folder/new.txt", b"new after the backup", now)
    one.sync()
    assert trees.content(one.folder) == trees.content(home)
    until(lambda: kept(home) != kept(backup), "the note in the tree stays as it was")
    with gateway.client() as client:
        before = fingerprint(client)
        client.close()
        if not running:
            gateway.stop()
        restore(backup, home)
        if not running:
            gateway.start()
        until(lambda: fingerprint(client) != before, "the fingerprint does not change")
    one.sync()
    one.sync()
    found = {path.read_bytes() for path in one.folder.rglob("*.txt")}
    for number in range(15):
        assert b"changed after the backup %d" % number in found, f"what was changed in old {number} is lost"
    for number in range(10):
        assert (one.folder / f"later/new {number}.txt").read_bytes() == b"new after the backup %d" % number
        assert (home / f"later/new {number}.txt").read_bytes() == b"new after the backup %d" % number
    assert (home / "folder/new.txt").read_bytes() == b"new after the backup"
