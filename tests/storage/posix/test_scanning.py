"""Folders in which others rename something while they are read: everything is in the listing, by one name or the other."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest

from clawgate.model.path import ROOT
from clawgate.storage.posix import PosixOptions, scanning
from clawgate.storage.posix.ground import Ground
from clawgate.storage.posix.scanning import AT_ONCE, ATTEMPTS, scan


@pytest.fixture
def disturb(monkeypatch):
    """Calls something after each time that names were read, and before anybody asks what they mean."""
    real = os.scandir

    def install(then):
        @contextmanager
        def scandir(fd):
            with real(fd) as entries:
                names = list(entries)
                then()
                yield names

        monkeypatch.setattr(scanning.os, "scandir", scandir)

    return install


def names(root):
    _, nodes, _ = scan(Ground(str(root), PosixOptions()), ROOT)
    return {node.name for node in nodes}


def renames(root, times):
    done = []

    def then():
        if len(done) < times:
            (root / f"file {len(done)}").rename(root / f"file {len(done) + 1}")
            done.append(1)

    return then


@pytest.mark.parametrize("times", range(ATTEMPTS))
def test_a_file_that_is_renamed(tmp_path, disturb, times):
    (tmp_path / "file 0").touch()
    (tmp_path / "other").touch()
    disturb(renames(tmp_path, times))
    assert names(tmp_path) == {f"file {times}", "other"}


def test_it_comes_to_an_end(tmp_path, disturb):
    (tmp_path / "file 0").touch()
    (tmp_path / "other").touch()
    disturb(renames(tmp_path, 1000))
    assert names(tmp_path) == {"other"}
    assert (tmp_path / f"file {ATTEMPTS}").exists()


def test_a_folder_of_which_names_come_in_several_pieces(tmp_path, monkeypatch):
    """A file may be renamed from a piece that is not read yet to one that was."""
    for number in range(AT_ONCE + 1):
        (tmp_path / str(number)).touch()
    (tmp_path / "z").touch()
    reading = []
    real = os.scandir

    @contextmanager
    def without_both(fd):
        with real(fd) as entries:
            found = [entry for entry in entries if reading or entry.name != "z"]
            if not reading:
                (tmp_path / "z").rename(tmp_path / "a")
            reading.append(1)
            yield found

    monkeypatch.setattr(scanning.os, "scandir", without_both)
    found = names(tmp_path)
    assert "a" in found and "z" not in found
    assert len(reading) == 2
