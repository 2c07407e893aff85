# ruff: noqa: ASYNC221
from __future__ import annotations

import os
import shutil
import subprocess

import pytest
import pytest_twisted

from clawgate.errors import NotFound
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix import kernel
from clawgate.testing.conformance import children, get, put


@pytest.fixture
def xattrs(root):
    probe = root.parent / "probe"
    probe.touch()
    os.setxattr(probe, "user.probe", b"x")


async def one(storage, name):
    return (await storage.identify(ROOT, [name]))[name]


@pytest_twisted.ensureDeferred
async def test_looking_changes_nothing(root, make):
    (root / "file").write_text("x")
    (root / "folder").mkdir()
    before = {name: os.stat(root / name) for name in ("file", "folder", ".")}
    storage = make()
    listed = await children(storage)
    await storage.identify(ROOT, ["", *listed])
    await get(storage, "file")
    for name, state in before.items():
        assert os.stat(root / name).st_ctime_ns == state.st_ctime_ns
        assert os.listxattr(root / name) == []
    assert os.listdir(root / "folder") == []


@pytest_twisted.ensureDeferred
async def test_how_many_names_a_file_has(root, make):
    (root / "folder/below").mkdir(parents=True)
    (root / "file").write_text("x")
    storage = make()
    assert await storage.names(Path("file")) == 1
    os.link(root / "file", root / "folder/link")
    assert [await storage.names(Path(name)) for name in ("file", "folder/link", "folder")] == [2, 2, 1]
    with pytest.raises(NotFound):
        await storage.names(Path("folder/gone"))


@pytest_twisted.ensureDeferred
async def test_an_id_outlives_the_storage_object(root, make, xattrs):
    await put(make(), "file", b"1")
    id = (await one(make(), "file")).id
    await put(make(), "file", b"2")
    assert (await one(make(), "file")).id == id
    (root / "file").rename(root / "renamed")
    assert (await one(make(), "renamed")).id == id


@pytest_twisted.ensureDeferred
async def test_a_copy_with_all_attributes_has_an_id_of_its_own(root, make, xattrs):
    storage = make()
    await put(storage, "file", b"1", id="pinned", compute=("SHA1",))
    subprocess.run(["cp", "-a", root / "file", root / "copy"], check=True)
    assert os.getxattr(root / "copy", "user.clawgate") == os.getxattr(root / "file", "user.clawgate")
    copy = await one(storage, "copy")
    assert (copy.id, copy.checksums) == (copy.own, "")
    assert (await one(storage, "file")).id == "pinned"


@pytest_twisted.ensureDeferred
async def test_a_restored_file_can_be_pinned_again(root, make, xattrs):
    storage = make()
    await put(storage, "file", b"1", id="pinned")
    shutil.copy2(root / "file", root.parent / "backup")
    (root / "file").unlink()
    shutil.copy2(root.parent / "backup", root / "file")
    assert (await one(storage, "file")).id != "pinned"
    await storage.pin(Path("file"), "pinned")
    assert (await one(storage, "file")).id == "pinned"


@pytest_twisted.ensureDeferred
async def test_checksums_of_changed_content_do_not_count(root, make, xattrs):
    storage = make()
    await put(storage, "file", b"1234", compute=("MD5",))
    assert (await one(storage, "file")).checksums.startswith("MD5:")
    state = os.stat(root / "file")
    (root / "file").write_text("abcd")
    os.utime(root / "file", ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert (await one(storage, "file")).checksums == ""


@pytest_twisted.ensureDeferred
async def test_pinning_its_own_id_removes_the_record(root, make, xattrs):
    storage = make()
    await put(storage, "file", b"1", id="pinned")
    own = (await one(storage, "file")).own
    await storage.pin(Path("file"), own)
    assert os.listxattr(root / "file") == []


@pytest_twisted.ensureDeferred
async def test_rubbish_in_the_attribute_is_ignored(root, make, xattrs):
    (root / "file").touch()
    for rubbish in (b"\xff\xfe", b"own=\nid=x", b"=", b"\n\n", b"x" * 2000):
        os.setxattr(root / "file", "user.clawgate", rubbish)
        identity = await one(make(), "file")
        assert identity.id == identity.own


@pytest_twisted.ensureDeferred
async def test_an_inode_used_again_is_another(root, make):
    storage = make()
    owns = set()
    for _ in range(20):
        (root / "file").touch()
        owns.add((await one(storage, "file")).own)
        (root / "file").unlink()
    assert len(owns) == 20


@pytest_twisted.ensureDeferred
async def test_without_file_handles_the_inode_number_is_the_id(root, make, monkeypatch):
    monkeypatch.setattr(kernel, "_name_to_handle_at", None)
    storage = make()
    await put(storage, "file", b"1")
    id = (await one(storage, "file")).id
    assert id == f"i{os.stat(root / 'file').st_ino:x}"
    await put(storage, "file", b"2")
    assert (await one(storage, "file")).id == id


@pytest_twisted.ensureDeferred
async def test_names_that_are_not_utf8(root, make):
    raw = os.path.join(os.fsencode(root), b"caf\xe9")
    os.close(os.open(raw, os.O_CREAT | os.O_WRONLY))
    storage = make()
    assert list(await children(storage)) == ["caf\u201bE9"]
    assert await get(storage, "caf\u201bE9") == b""
    assert list(await storage.identify(ROOT, ["caf\u201bE9"])) == ["caf\u201bE9"]
    await put(storage, "caf\u201bE9", b"y")
    await storage.move(Path("caf\u201bE9"), Path("\u201bFF"), replace=False)
    assert [name for name in os.listdir(os.fsencode(root)) if name != b".clawgate"] == [b"\xff"]
