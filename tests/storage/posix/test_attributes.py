# ruff: noqa: ASYNC221
from __future__ import annotations

import os
import subprocess
from stat import S_IMODE

import pytest
import pytest_twisted

from clawgate.model.path import Path
from clawgate.testing.conformance import put


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
@pytest_twisted.ensureDeferred
async def test_new_files_have_the_mode_of_any_new_file(root, make, size, mask):
    before = os.umask(mask)
    try:
        await put(make(), "file", b"x" * size)
        await make().make_folder(Path("folder"))
    finally:
        os.umask(before)
    assert S_IMODE(os.stat(root / "file").st_mode) == 0o666 & ~mask
    assert S_IMODE(os.stat(root / "folder").st_mode) == 0o777 & ~mask


@pytest.mark.parametrize("size", [1, 100_000])
@pytest_twisted.ensureDeferred
async def test_a_replaced_file_hands_down_mode_and_attributes(root, make, size):
    (root / "file").write_text("old")
    os.chmod(root / "file", 0o640)
    os.setxattr(root / "file", "user.colour", b"red")
    if os.geteuid() == 0:
        os.chown(root / "file", 1234, 2345)
    await put(make(), "file", b"x" * size)
    state = os.stat(root / "file")
    assert S_IMODE(state.st_mode) == 0o640
    assert os.getxattr(root / "file", "user.colour") == b"red"
    if os.geteuid() == 0:
        assert (state.st_uid, state.st_gid) == (1234, 2345)


@pytest_twisted.ensureDeferred
async def test_copies_keep_mode_and_attributes(root, make):
    (root / "folder/deep").mkdir(parents=True)
    (root / "folder/file").write_text("x")
    os.chmod(root / "folder/file", 0o604)
    os.chmod(root / "folder/deep", 0o555)
    os.setxattr(root / "folder/file", "user.colour", b"red")
    os.setxattr(root / "folder", "user.colour", b"blue")
    os.setxattr(root / "folder/file", "user.clawgate", b"own=x\nid=y")
    await make().copy(Path("folder"), Path("copy"), replace=False)
    assert S_IMODE(os.stat(root / "copy/file").st_mode) == 0o604
    assert S_IMODE(os.stat(root / "copy/deep").st_mode) == 0o555
    assert os.getxattr(root / "copy", "user.colour") == b"blue"
    assert os.listxattr(root / "copy/file") == ["user.colour"]


@pytest_twisted.ensureDeferred
async def test_a_setgid_folder_hands_down_its_group(root, make):
    (root / "folder").mkdir()
    group = 2345 if os.geteuid() == 0 else os.getgid()
    os.chown(root / "folder", -1, group)
    os.chmod(root / "folder", 0o2775)
    storage = make()
    await put(storage, "folder/file", b"x")
    await storage.make_folder(Path("plain"))
    await storage.copy(Path("plain"), Path("folder/copy"), replace=False)
    assert os.stat(root / "folder/file").st_gid == group
    assert os.stat(root / "folder/copy").st_gid == group
    assert os.stat(root / "folder/copy").st_mode & 0o2000


@pytest_twisted.ensureDeferred
async def test_acls(root, make):
    def acl(name):
        found = subprocess.run(["getfacl", "-cnp", root / name], check=True, capture_output=True, text=True).stdout
        return found.split()

    subprocess.run(["setfacl", "-d", "-m", f"u:{os.getuid()}:rwx,g::r-x,o::-", root], check=True)
    (root / "usual").write_text("x")
    storage = make()
    await put(storage, "ours", b"x")
    assert acl("ours") == acl("usual")
    assert f"user:{os.getuid()}:rwx" in acl("ours")[1]
    subprocess.run(["setfacl", "-b", "-m", f"u:{os.getuid()}:r", root / "ours"], check=True)
    before = acl("ours")
    await put(storage, "ours", b"y" * 100_000)
    assert acl("ours") == before
    await storage.make_folder(Path("bare"))
    subprocess.run(["setfacl", "-b", root / "bare"], check=True)
    (root / "bare/usual").write_text("x")
    await put(storage, "bare/ours", b"x")
    assert acl("bare/ours") == acl("bare/usual")
