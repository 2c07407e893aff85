from __future__ import annotations

import os
import socket

import pytest
import pytest_twisted

from clawgate.errors import ClawgateError, Forbidden, NotFound
from clawgate.model.path import ROOT, Path
from clawgate.testing.conformance import children, get, put, tree


@pytest.fixture
def linked(root):
    (root.parent / "outside").mkdir()
    (root.parent / "outside/secret").write_text("secret")
    (root / "folder").mkdir()
    (root / "folder/file").write_text("content")
    for name, target in {
        "to-file": "folder/file",
        "to-folder": "folder",
        "out": "../outside",
        "out-file": "../outside/secret",
        "loop": "loop",
        "dangling": "nothing",
        "to-staging": ".clawgate",
    }.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(root)
        server.bind("socket")
        os.chdir(here)
    return root


HIDDEN = ["out", "out-file", "loop", "dangling", "fifo", "socket", "to-staging"]


@pytest.mark.parametrize("symlinks", ["hide", "refuse"])
@pytest_twisted.ensureDeferred
async def test_links_are_not_listed(linked, make, symlinks):
    storage = make(symlinks=symlinks)
    assert await tree(storage) == {"folder": None, "folder/file": b"content"}


@pytest.mark.parametrize(("symlinks", "error"), [("hide", NotFound), ("refuse", Forbidden)])
@pytest.mark.parametrize("openat2", [True, False])
@pytest_twisted.ensureDeferred
async def test_links_are_not_there(linked, make, symlinks, error, openat2):
    storage = make(symlinks=symlinks, openat2=openat2)
    for path in ("to-file", "to-folder", "to-folder/file", "out", "out/secret", "loop", "dangling"):
        for call in (storage.stat, storage.list, storage.read, storage.remove):
            with pytest.raises(error):
                await call(Path(path))
    for path in ("to-file", "to-folder", "dangling", "to-folder/file", "out/secret", "out/new", "out-file"):
        with pytest.raises(ClawgateError):
            await put(storage, path, b"new")
        with pytest.raises(ClawgateError):
            await storage.move(Path("folder"), Path(path), replace=True)
        with pytest.raises(ClawgateError):
            await storage.copy(Path("folder"), Path(path), replace=True)
    assert (linked / "to-file").is_symlink()
    assert (linked / "folder/file").read_text() == "content"
    assert os.listdir(linked.parent / "outside") == ["secret"]


@pytest.mark.parametrize("openat2", [True, False])
@pytest_twisted.ensureDeferred
async def test_links_inside_are_followed(linked, make, openat2):
    storage = make(symlinks="follow", openat2=openat2)
    await put(storage, "folder/new", b"")  # makes the staging folder
    found = await children(storage)
    assert sorted(found) == ["folder", "to-file", "to-folder"]
    assert found["to-file"].size == 7
    assert found["to-folder"].is_folder
    assert found["to-file"].seen == (await storage.stat(Path("folder/file"))).seen
    assert await get(storage, "to-folder/file") == b"content"
    for path in (*HIDDEN, "out/secret", "to-staging/x"):
        for call in (storage.stat, storage.list, storage.read, storage.remove):
            with pytest.raises(NotFound):
                await call(Path(path))
        with pytest.raises(ClawgateError):
            await put(storage, path, b"new")
    assert sorted(os.listdir(linked.parent / "outside")) == ["secret"]
    ids = await storage.identify(ROOT, ["to-file", "to-folder", "folder", "out"])
    assert sorted(ids) == ["folder", "to-file", "to-folder"]
    assert ids["to-folder"] == ids["folder"]


@pytest_twisted.ensureDeferred
async def test_content_goes_where_the_link_leads(linked, make):
    storage = make(symlinks="follow")
    for content in (b"small", b"large" * 50000):
        written = await put(storage, "to-file", content)
        assert (written.node.name, written.replaced) == ("to-file", True)
        assert (linked / "to-file").is_symlink()
        assert (linked / "folder/file").read_bytes() == content
    await put(storage, "to-folder/other", b"x")
    assert (linked / "folder/other").read_bytes() == b"x"


@pytest_twisted.ensureDeferred
async def test_moving_and_removing_is_of_the_link(linked, make):
    storage = make(symlinks="follow")
    assert (await storage.move(Path("to-file"), Path("renamed"), replace=False)).size == 7
    with pytest.raises(Forbidden):
        await storage.move(Path("renamed"), Path("folder/renamed"), replace=False)
    await storage.remove(Path("renamed"))
    await storage.remove(Path("to-folder"))
    assert sorted(await tree(storage)) == ["folder", "folder/file"]
    assert await get(storage, "folder/file") == b"content"


@pytest.mark.parametrize("symlinks", ["hide", "follow", "refuse"])
@pytest_twisted.ensureDeferred
async def test_special_files_are_not_there(linked, make, symlinks):
    storage = make(symlinks=symlinks)
    for name in ("fifo", "socket"):
        assert name not in await children(storage)
        for call in (storage.stat, storage.list, storage.read, storage.remove):
            with pytest.raises(NotFound):
                await call(Path(name))
        for call in (put(storage, name, b"x"), put(storage, name, b"x" * 100_000)):
            with pytest.raises(Forbidden):
                await call
        with pytest.raises(ClawgateError):
            await storage.make_folder(Path(name))
        with pytest.raises(NotFound):
            await storage.copy(Path(name), Path("copy"), replace=False)
    assert (linked / "fifo").is_fifo()


@pytest_twisted.ensureDeferred
async def test_copies_leave_links_and_special_files_out(linked, make):
    for name in ("fifo", "to-file", "out"):
        (linked / name).rename(linked / "folder" / name)
    storage = make()
    await storage.copy(Path("folder"), Path("copy"), replace=False)
    assert os.listdir(linked / "copy") == ["file"]


@pytest_twisted.ensureDeferred
async def test_the_staging_folder_is_not_there(root, make):
    storage = make()
    await put(storage, "file", b"x")
    assert (root / ".clawgate").is_dir()
    (root / ".clawgate/tmp-x").write_text("x")
    (root / ".clawgate-tmp-1").write_text("x")
    assert sorted(await children(storage)) == ["file"]
    for path in (".clawgate", ".clawgate/tmp-x", ".clawgate-tmp-1"):
        for call in (storage.stat, storage.list, storage.read, storage.remove):
            with pytest.raises(NotFound):
                await call(Path(path))
        with pytest.raises(NotFound):
            await storage.move(Path(path), Path("stolen"), replace=False)
        with pytest.raises(NotFound):
            await storage.copy(Path(path), Path("stolen"), replace=False)
        for call in (
            storage.make_folder(Path(path)),
            put(storage, path, b"y"),
            put(storage, path + "/y", b"y"),
            storage.move(Path("file"), Path(path), replace=True),
            storage.copy(Path("file"), Path(path), replace=True),
        ):
            with pytest.raises(Forbidden):
                await call
    await storage.make_folder(Path("sub"))
    await put(storage, "sub/.clawgate", b"is a name like any other")
    await put(storage, ".clawgated", b"this one, too")
    assert sorted(await tree(storage)) == [".clawgated", "file", "sub", "sub/.clawgate"]
    assert os.stat(root / ".clawgate").st_mode & 0o777 == 0o700
