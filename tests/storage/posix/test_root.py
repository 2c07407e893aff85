from __future__ import annotations

import os
import shutil

import pytest
import pytest_twisted

from clawgate.errors import StorageUnavailable
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import staging
from clawgate.testing.conformance import LARGE, children, get, put


async def prepared(make):
    storage = make()
    await storage.make_folder(Path("folder"))
    await put(storage, "folder/file", b"x")
    await put(storage, "file", b"x")
    return storage


def calls(storage):
    return {
        "list": lambda: children(storage),
        "list below": lambda: children(storage, "folder"),
        "stat": lambda: storage.stat(ROOT),
        "stat below": lambda: storage.stat(Path("folder/file")),
        "read": lambda: get(storage, "file"),
        "read below": lambda: get(storage, "folder/file"),
        "write": lambda: put(storage, "new", b"x"),
        "write large": lambda: put(storage, "new", LARGE),
        "write below": lambda: put(storage, "folder/new", b"x"),
        "make folder": lambda: storage.make_folder(Path("new")),
        "remove": lambda: storage.remove(Path("file")),
        "remove below": lambda: storage.remove(Path("folder/file")),
        "move": lambda: storage.move(Path("file"), Path("new"), replace=False),
        "identify": lambda: storage.identify(ROOT, ["file"]),
    }


@pytest.mark.parametrize("call", calls(None))
@pytest_twisted.ensureDeferred
async def test_a_root_that_vanished_is_never_an_empty_one(root, make, call):
    storage = await prepared(make)
    shutil.rmtree(root)
    with pytest.raises(StorageUnavailable):
        await calls(storage)[call]()
    root.mkdir()
    assert await children(storage) == {}
    await put(storage, "file", b"y")
    assert await get(storage, "file") == b"y"


@pytest.mark.parametrize("call", ["read", "read below", "list below", "stat below", "write below"])
@pytest_twisted.ensureDeferred
async def test_a_root_that_was_replaced_is_noticed(root, make, call):
    storage = await prepared(make)
    shutil.rmtree(root)
    (root / "folder").mkdir(parents=True)
    (root / "folder/file").write_text("new")
    (root / "file").write_text("new")
    result = await calls(storage)[call]()
    if call.startswith("read"):
        assert result == b"new"


@pytest_twisted.ensureDeferred
async def test_a_staging_folder_that_was_removed_is_made_again(root, make):
    storage = await prepared(make)
    for content in (b"x", LARGE):
        shutil.rmtree(root / ".clawgate")
        await put(storage, "folder/file", content)
        assert await get(storage, "folder/file") == content


def test_names_of_temporary_files_are_those_of_one_process():
    here = staging.token()
    assert len(here) == 32
    assert staging.token() != here
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(theirs, staging.token())
        os._exit(0)
    os.waitpid(child, 0)
    there = os.read(ours, 32)
    os.close(ours)
    os.close(theirs)
    assert there[:22] != here[:22]
