from __future__ import annotations

import os

import pytest

from clawgate.errors import StorageUnavailable
from clawgate.storage.posix import clearing
from clawgate.storage.posix.clearing import clear


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
    assert clear(f"{root}/")
    assert os.listdir(tmp_path / "projects") == ["b"]
    assert (outside / "kept").read_text() == "kept"
    assert not clear(str(root))


def test_a_deep_one(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(500):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    assert clear(str(tmp_path / "d"))
    assert os.listdir(tmp_path) == []


def test_a_link_in_its_place_goes_alone(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "kept").write_text("kept")
    (tmp_path / "a").symlink_to("there")
    assert clear(str(tmp_path / "a"))
    assert os.listdir(tmp_path) == ["there"]
    assert os.listdir(tmp_path / "there") == ["kept"]


def test_what_an_interrupted_call_left_goes_with_the_next(tmp_path, monkeypatch):
    (tmp_path / "a" / "d").mkdir(parents=True)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(clearing, "delete", killed)
    with pytest.raises(KeyboardInterrupt):
        clear(str(tmp_path / "a"))
    monkeypatch.undo()
    assert [name for name in os.listdir(tmp_path) if not name.startswith(".clawgate-tmp-home-")] == []
    assert os.listdir(tmp_path)
    assert not clear(str(tmp_path / "a"))
    assert os.listdir(tmp_path) == []


def test_a_file_system_that_is_away(tmp_path):
    with pytest.raises(StorageUnavailable, match="mounted"):
        clear(str(tmp_path / "none" / "a"))
