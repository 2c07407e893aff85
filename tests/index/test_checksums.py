"""Checksums do not outlive the content that they are of."""

from __future__ import annotations

import os
import subprocess

import pytest
import pytest_twisted

from clawgate.model.content import Checksum, Intent
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import identity

SUM = Checksum("SHA1", "040f06fd774092478d450774f5ba30c5da78acc8")


async def once(data: bytes):
    yield data


async def shown(storage, name: str = "file") -> str:
    listing = await storage.list(ROOT)
    return {node.name: node.checksums async for page in listing.pages for node in page}[name]


def change_unseen(root):
    before = os.stat(root / "file").st_mtime
    subprocess.run(["sh", "-ec", f"printf CONTENT 1<>file; touch -d @{before:.0f} file"], cwd=root, check=True)


async def upload(house):
    await house.storage.list(ROOT)
    await house.storage.write(Path("file"), once(b"content"), Intent(size=7, mtime_ns=10**18, checksums=(SUM,)))
    assert await shown(house.storage) == f"SHA1:{SUM.value}"


@pytest.mark.parametrize("forget", [False, True], ids=["index", "no index"])
@pytest_twisted.ensureDeferred
async def test_same_size_and_time(house, forget: bool, monkeypatch) -> None:
    await upload(house)
    change_unseen(house.root)
    after = os.stat(house.root / "file")
    assert (after.st_size, after.st_mtime_ns) == (7, 10**18)
    if forget:
        # As if it had been long ago.
        monkeypatch.setattr(identity, "SLACK_NS", -1)
    await house.reopen(forget=forget)
    assert await shown(house.storage) == ""
    reader = await house.storage.read(Path("file"))
    assert reader.node.checksums == ""
    await reader.close()


@pytest_twisted.ensureDeferred
async def test_what_nobody_touched_keeps_them_without_the_index(house) -> None:
    await upload(house)
    await house.reopen(forget=True)
    assert await shown(house.storage) == f"SHA1:{SUM.value}"


@pytest_twisted.ensureDeferred
async def test_our_own_changes_keep_them(house) -> None:
    await upload(house)
    await house.storage.abilities.times.touch(Path("file"), 10**18 + 5)
    assert await shown(house.storage) == f"SHA1:{SUM.value}"
    await house.storage.move(Path("file"), Path("other"), replace=False)
    assert await shown(house.storage, "other") == f"SHA1:{SUM.value}"
    await house.reopen()
    assert await shown(house.storage, "other") == f"SHA1:{SUM.value}"
