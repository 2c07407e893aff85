from __future__ import annotations

import errno
import os
import subprocess

import pytest

from clawgate.errors import StorageUnavailable
from clawgate.storage.posix import clearing
from clawgate.storage.posix.clearing import clear, forget
from clawgate.storage.posix.ground import Descriptor
from clawgate.storage.posix.identity import own_of


def own_name(path):
    root = Descriptor(os.open(path, os.O_PATH | os.O_DIRECTORY))
    return own_of(root, root.fd, b"")


def test_all_of_it_goes_and_nothing_else(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    root = tmp_path / "projects" / "a"
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "e" / "f").write_text("x")
    (root / ".clawgate").mkdir()
    (root / "link").symlink_to(outside)
    (root / "closed").mkdir(mode=0o300)
    (tmp_path / "projects" / "b").mkdir()
    clear(f"{root}/", "k1")
    assert sorted(os.listdir(tmp_path / "projects")) == [".clawgate-tmp-gone-k1", "b"]
    assert os.listdir(tmp_path / "projects" / ".clawgate-tmp-gone-k1") == []
    assert (outside / "kept").read_text() == "kept"
    # It is known that this was done until somebody says that it is noted.
    clear(str(root), "k1")
    forget(str(root), "k1")
    assert os.listdir(tmp_path / "projects") == ["b"]
    forget(str(root), "k1")


def test_a_deep_one(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(500):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    clear(str(tmp_path / "d"), "k1")
    forget(str(tmp_path / "d"), "k1")
    assert os.listdir(tmp_path) == []


def test_a_link_in_its_place_goes_alone(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "kept").write_text("kept")
    (tmp_path / "a").symlink_to("there")
    clear(str(tmp_path / "a"), "k1", own_name(tmp_path / "there"))
    forget(str(tmp_path / "a"), "k1")
    assert os.listdir(tmp_path) == ["there"]
    assert os.listdir(tmp_path / "there") == ["kept"]


def test_what_an_interrupted_call_left_goes_with_the_next(tmp_path, monkeypatch):
    (tmp_path / "a" / "d").mkdir(parents=True)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(clearing, "delete", killed)
    with pytest.raises(KeyboardInterrupt):
        clear(str(tmp_path / "a"), "k1")
    monkeypatch.undo()
    assert os.listdir(tmp_path) == [".clawgate-tmp-gone-k1"]
    assert os.listdir(tmp_path / ".clawgate-tmp-gone-k1") == ["d"]
    # Meanwhile somebody has made another one there, which is none of ours.
    (tmp_path / "a").mkdir()
    clear(str(tmp_path / "a"), "k1")
    forget(str(tmp_path / "a"), "k1")
    assert os.listdir(tmp_path) == ["a"]


def test_what_is_missing_was_not_removed(tmp_path):
    for root, missing in (("none/a", "none"), ("a", "a")):
        with pytest.raises(StorageUnavailable, match=f"{tmp_path}/{missing} .*is its file system mounted?"):
            clear(str(tmp_path / root), "k1")
    with pytest.raises(StorageUnavailable, match="mounted"):
        forget(str(tmp_path / "none" / "a"), "k1")
    for nothing in ("", "../x"):
        with pytest.raises(StorageUnavailable):
            clear(str(tmp_path / "a"), nothing)
    assert os.listdir(tmp_path) == []


def test_another_directory_in_its_place_stays(tmp_path):
    root = tmp_path / "a b"
    (root / "d").mkdir(parents=True)
    own = own_name(root)
    root.rename(tmp_path / "away")
    (root / "theirs").mkdir(parents=True)
    with pytest.raises(StorageUnavailable, match="another directory stands at"):
        clear(str(root), "k1", own)
    (root / "theirs").rmdir()
    root.rmdir()
    root.write_text("not even one")
    with pytest.raises(StorageUnavailable, match="another directory stands at") as raised:
        clear(str(root), "k1", own)
    assert root.read_text() == "not even one"
    # The log says how the operator decides.
    subprocess.run(["sh", "-c", str(raised.value).split("run: ")[1]], check=True)
    clear(str(root), "k1", own)
    forget(str(root), "k1")
    assert os.listdir(tmp_path) == ["away"]
    with pytest.raises(StorageUnavailable, match="is missing") as raised:
        clear(str(root), "k1", own)
    subprocess.run(["sh", "-c", str(raised.value).split("run: ")[1]], check=True)
    clear(str(root), "k1", own)
    (tmp_path / "away").rename(root)
    forget(str(root), "k1")
    assert os.listdir(root) == ["d"]


def test_what_cannot_be_removed_is_tried_again(tmp_path, monkeypatch):
    (tmp_path / "a" / "d").mkdir(parents=True)
    (tmp_path / "a" / "e").mkdir(parents=True)

    def refuse(folder, name):
        if name == b"d":
            raise PermissionError(errno.EPERM, "Operation not permitted")
        os.rmdir(name, dir_fd=folder)

    monkeypatch.setattr(clearing, "delete", refuse)
    with pytest.raises(StorageUnavailable, match="Operation not permitted"):
        clear(str(tmp_path / "a"), "k1")
    assert os.listdir(tmp_path / ".clawgate-tmp-gone-k1") == ["d"]
    monkeypatch.undo()
    clear(str(tmp_path / "a"), "k1")
    assert os.listdir(tmp_path / ".clawgate-tmp-gone-k1") == []
