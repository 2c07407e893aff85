from __future__ import annotations

import os
import shutil

import pytest
import pytest_twisted

from clawgate.errors import StorageBroken
from clawgate.model.content import Intent
from clawgate.model.path import Path
from clawgate.storage.posix import scanning
from clawgate.testing.conformance import LARGE, Held, children, put, start, tree


@pytest_twisted.ensureDeferred
async def test_the_janitor_removes_what_is_old(root, make):
    storage = make()
    await put(storage, "file", b"x")
    staging = root / ".clawgate"
    for name in ("tmp-1", "part-2", "unknown"):
        (staging / name).write_text("x")
    for name in ("trash-3", "new-4", "in-5", "old-6"):
        (staging / name / "deep").mkdir(parents=True)
        (staging / name / "deep/file").write_text("x")
    (staging / "lost-7").write_text("x")
    assert await storage.sweep(frozenset(), 3600) == 0
    assert await storage.sweep(frozenset({"2"}), 0) == 6
    assert sorted(os.listdir(staging)) == ["lost-7", "part-2"]
    assert await tree(storage) == {"file": b"x"}


@pytest_twisted.ensureDeferred
async def test_nothing_staged_is_nothing_to_sweep(root, make):
    assert await make().sweep(frozenset(), 0) == 0
    assert os.listdir(root) == []


@pytest_twisted.ensureDeferred
async def test_temporary_files_beside_their_target(root, make, monkeypatch):
    storage = make()
    await storage.make_folder(Path("folder"))
    await put(storage, "file", b"x")
    (root / "folder/.clawgate-tmp-abc").write_text("x")
    (root / ".clawgate/away-abc").write_text("folder")
    (root / "folder/.clawgate-tmp-def").write_text("x")
    assert await children(storage, "folder") == {}
    assert await storage.sweep(frozenset(), 0) == 1
    assert os.listdir(root / "folder") == [".clawgate-tmp-def"]
    monkeypatch.setattr(scanning, "_STALE", -1)
    assert await children(storage, "folder") == {}
    assert os.listdir(root / "folder") == []


@pytest_twisted.ensureDeferred
async def test_a_temporary_file_that_vanishes_is_noticed(root, make):
    storage = make()
    held = Held(LARGE)
    writing = start(storage.write(Path("file"), held.__aiter__(), Intent()))
    await held.reached
    shutil.rmtree(root / ".clawgate")
    held.go_on.callback(None)
    with pytest.raises(StorageBroken):
        await writing
    await put(storage, "file", b"x")
    assert await tree(storage) == {"file": b"x"}


@pytest_twisted.ensureDeferred
async def test_a_link_in_place_of_the_staging_folder(root, make):
    outside = root.parent / "outside"
    outside.mkdir()
    (root / ".clawgate").symlink_to("../outside")
    storage = make()
    for content in (b"x", LARGE):
        with pytest.raises(Exception, match="file"):
            await put(storage, "file", content)
    assert os.listdir(outside) == []
