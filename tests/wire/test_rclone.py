"""rclone with its WebDAV vendors: sync and check in both directions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import trees
from .gateway import Gateway
from .programs import rclone


@pytest.mark.parametrize("vendor", ["owncloud", "nextcloud", "other"])
def test_sync_and_check_in_both_directions(stopped_gateway: Gateway, tmp_path: Path, vendor: str) -> None:
    gateway = stopped_gateway
    local, home = tmp_path / "local", tmp_path / "home"
    trees.make(gateway.make_home() / "there", 120)
    gateway.start()
    times = ["--ignore-times"] if vendor == "other" else []

    rclone(gateway, home, vendor, "sync", "gw:there", str(local), "--create-empty-src-dirs")
    rclone(gateway, home, vendor, "check", "gw:there", str(local), "--download")
    same(gateway.disk() / "there", local, times=vendor != "other")

    trees.write(local / "new & 100%/näu.txt", b"from rclone", trees.TIME + 7)
    trees.write(local / "new & 100%/12 MB", os.urandom(12_000_000), trees.TIME + 8)
    victims = sorted(path for path in (local / "docs").iterdir() if path.is_file())
    trees.write(victims[0], b"changed, with another length " * 9, trees.TIME + 9)
    victims[1].unlink()
    rclone(gateway, home, vendor, "sync", str(local), "gw:there", "--create-empty-src-dirs", *times)
    rclone(gateway, home, vendor, "check", str(local), "gw:there")
    rclone(gateway, home, vendor, "check", "gw:there", str(local), "--download")
    same(gateway.disk() / "there", local, times=vendor != "other")

    rclone(gateway, home, vendor, "moveto", "gw:there/docs", "gw:elsewhere/docs moved")
    rclone(gateway, home, vendor, "purge", "gw:there")
    assert not (gateway.disk() / "there").exists()
    assert (gateway.disk() / "elsewhere/docs moved" / victims[0].name).read_bytes().startswith(b"changed, with")
    gateway.assert_tidy()


@pytest.mark.parametrize("vendor", ["owncloud", "nextcloud"])
def test_copy_keeps_times_and_does_nothing_the_second_time(gateway: Gateway, tmp_path: Path, vendor: str) -> None:
    local, home = tmp_path / "local", tmp_path / "home"
    trees.write(local / "old file.txt", b"old", 1_000_000_000)
    trees.write(local / "folder/older file.txt", b"older", 500_000_000)
    rclone(gateway, home, vendor, "copy", str(local), "gw:copied")
    same(local, gateway.disk() / "copied", times=True)
    said = rclone(gateway, home, vendor, "copy", "-v", str(local), "gw:copied")
    assert "Copied" not in said, said
    os.utime(local / "old file.txt", (1_100_000_000, 1_100_000_000))
    rclone(gateway, home, vendor, "copy", str(local), "gw:copied")
    same(local, gateway.disk() / "copied", times=True)


def same(one: Path, other: Path, times: bool) -> None:
    left, right = trees.content(one), trees.content(other)
    if not times:
        left, right = ({path: fact and (fact[0], 0) for path, fact in tree.items()} for tree in (left, right))
    found = trees.differences(left, right)
    assert not found, "\n".join(found[:30])
