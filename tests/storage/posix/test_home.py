from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from clawgate.errors import QuotaExceeded, StorageUnavailable
from clawgate.model.home import NewHome
from clawgate.storage.posix import home as module
from clawgate.storage.posix import kernel
from clawgate.storage.posix.home import HomeMaker, is_there
from clawgate.storage.posix.unfinished import PREFIX

SCRIPT = Path(__file__).with_name("making_homes.py")


@pytest.fixture
def skeleton(tmp_path):
    top = tmp_path / "skeleton"
    (top / "Documents" / "more").mkdir(parents=True)
    (top / "empty").mkdir()
    (top / "Documents" / "hello.txt").write_text("hello")
    (top / "run").write_text("#!/bin/sh\n")
    (top / "run").chmod(0o4755)
    (top / "Documents").chmod(0o2750)
    (top / "link").symlink_to("../elsewhere")
    (top / ".clawgate").mkdir()
    os.mkfifo(top / "fifo")
    return top


def home(root, *below, **more):
    return NewHome(str(root), below or ("alice",), **more)


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def left(folder):
    return [name for name in os.listdir(folder) if name.startswith(os.fsdecode(PREFIX))]


def test_a_directory_is_made(root):
    assert HomeMaker().make(home(root))
    assert is_there(f"{root}/alice")
    assert (mode(root / "alice"), os.listdir(root)) == (0o700, ["alice"])
    assert not HomeMaker().make(home(root)), "it is there"


def test_its_mode(root):
    for umask in (0o022, 0o077, 0):
        for wanted in (0o700, 0o750, 0o2770, 0o1777):
            name = f"{umask:o}-{wanted:o}"
            before = os.umask(umask)
            try:
                assert HomeMaker().make(home(root, name, mode=wanted))
            finally:
                os.umask(before)
            assert mode(root / name) == wanted, name


def test_a_folder_that_hands_down_its_group(root):
    os.chown(root, -1, 1234)
    root.chmod(0o2755)
    assert HomeMaker().make(home(root))
    assert (mode(root / "alice"), (root / "alice").stat().st_gid) == (0o2700, 1234)


def test_a_skeleton(root, skeleton):
    order = home(root, mode=0o750, uid=1001, gid=1002, skeleton=str(skeleton), skeleton_bytes=1000, skeleton_entries=10)
    assert HomeMaker().make(order)
    made = root / "alice"
    found = sorted(str(path.relative_to(made)) for path in made.rglob("*"))
    assert found == ["Documents", "Documents/hello.txt", "Documents/more", "empty", "link", "run"]
    assert (made / "Documents" / "hello.txt").read_text() == "hello"
    assert os.readlink(made / "link") == "../elsewhere"
    assert (mode(made), mode(made / "Documents"), mode(made / "run")) == (0o750, 0o2750, 0o755)
    for path in (made, *made.rglob("*")):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (1001, 1002), path
    assert (made / "run").stat().st_mtime > (skeleton / "run").stat().st_mtime
    assert left(root) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"skeleton_bytes": 14}, "more than skeleton_bytes = 14"),
        ({"skeleton_entries": 6}, "more than skeleton_entries = 6"),
        ({"skeleton": "/nowhere"}, "the skeleton /nowhere cannot be read: No such file"),
        ({"skeleton": "/etc/hostname"}, "the skeleton /etc/hostname cannot be read: Not a directory"),
    ],
)
def test_skeletons_that_are_refused(root, skeleton, more, expected):
    usual = {"skeleton": str(skeleton), "skeleton_bytes": 15, "skeleton_entries": 7}
    with pytest.raises(StorageUnavailable, match=expected):
        HomeMaker().make(home(root, **(usual | more)))
    assert os.listdir(root) == []
    assert HomeMaker().make(home(root, **usual)), "the bounds themselves are allowed"


def test_a_skeleton_without_end(root, tmp_path):
    deep = tmp_path / "deep"
    deep.joinpath(*["d"] * 40).mkdir(parents=True)
    with pytest.raises(StorageUnavailable, match="more than 32 folders deep"):
        HomeMaker().make(home(root, skeleton=str(deep), skeleton_bytes=1, skeleton_entries=100))
    assert os.listdir(root) == []


def test_folders_above(root):
    with pytest.raises(StorageUnavailable, match=f"{root}/a does not exist, and create_parents is not set"):
        HomeMaker().make(home(root, "a", "al", "alice"))
    assert os.listdir(root) == []
    assert HomeMaker().make(home(root, "a", "al", "alice", parents=0o711, uid=1001, gid=1002))
    assert (mode(root / "a"), mode(root / "a" / "al"), mode(root / "a" / "al" / "alice")) == (0o711, 0o711, 0o700)
    assert (root / "a" / "al").stat().st_uid == os.geteuid()
    assert HomeMaker().make(home(root, "a", "al", "alan", parents=None)), "they are there now"


def test_what_all_have_in_common_is_made_in_the_data_directory_only(root):
    with pytest.raises(StorageUnavailable, match="is its file system mounted"):
        HomeMaker().make(home(root / "files"))
    assert HomeMaker().make(home(root / "files", base=str(root), parents=0o700))
    assert mode(root / "files") == 0o700
    assert is_there(f"{root}/files/alice")


@pytest.mark.parametrize("below", [("alice",), ("a", "alice")])
def test_links_are_not_followed(root, tmp_path, below):
    (tmp_path / "target").mkdir()
    (root / below[0]).symlink_to(tmp_path / "target" / ("new" if len(below) == 1 else ""))
    with pytest.raises(StorageUnavailable, match=f"{root}/{below[0]} is a link or no directory"):
        HomeMaker().make(home(root, *below, parents=0o711))
    assert os.listdir(tmp_path / "target") == []
    (root / below[0]).unlink()
    (root / below[0]).write_text("")
    with pytest.raises(StorageUnavailable, match="is a link or no directory"):
        HomeMaker().make(home(root, *below, parents=0o711))


def test_a_link_that_is_planted_at_the_last_moment(root, tmp_path, monkeypatch):
    """Between the look and the step in which the home appears."""
    (tmp_path / "target").mkdir()
    fill = module._fill

    def plant(*arguments):
        fill(*arguments)
        (root / "alice").symlink_to(tmp_path / "target")

    monkeypatch.setattr(module, "_fill", plant)
    with pytest.raises(StorageUnavailable, match="is a link"):
        HomeMaker().make(home(root))
    assert (os.listdir(root), os.listdir(tmp_path / "target")) == (["alice"], [])


def test_many_at_once(root, skeleton):
    """One makes it; all others find the whole of it."""
    order = home(root, "a", "alice", parents=0o711, skeleton=str(skeleton), skeleton_bytes=1000, skeleton_entries=10)
    made = []
    ready = threading.Barrier(8)

    def work():
        ready.wait()
        outcome = HomeMaker().make(order)
        made.append((outcome, sorted(os.listdir(root / "a" / "alice"))))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome for outcome, _ in made) == [False] * 7 + [True]
    assert {tuple(names) for _, names in made} == {("Documents", "empty", "link", "run")}
    assert (left(root), left(root / "a")) == ([], [])


def run(how, root, skeleton):
    done = subprocess.run([sys.executable, SCRIPT, how, root, skeleton], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_killed_at_every_step(root, skeleton):
    """Before each system call that changes something: no home or the whole, and the next one clears up."""
    run("each", root, skeleton)
    steps = sorted(root.iterdir(), key=lambda path: int(path.name))
    states = ""
    for step in steps:
        made = step / "alice"
        states += "n" if not made.exists() else "w"
        if made.exists():
            assert sorted(os.listdir(made)) == ["Documents", "empty", "link", "run"]
            assert {path.lstat().st_uid for path in (made, *made.rglob("*"))} == {1001}
        before = left(step)
        assert before or step in (steps[0], steps[-1])
        HomeMaker().make(home(step, "bob"))
        assert set(os.listdir(step)) <= {"alice", "bob"}
    # Killed before it was shown, before it was synced, before the lock was removed; not killed.
    assert len(states) > 25
    assert states.lstrip("n") == "www"


def test_what_others_are_working_on_is_left_alone(root, monkeypatch):
    entered, go = threading.Event(), threading.Event()
    fill = module._fill

    def slow(*arguments):
        fill(*arguments)
        if arguments[-1].below == ("alice",):
            entered.set()
            go.wait()

    monkeypatch.setattr(module, "_fill", slow)
    thread = threading.Thread(target=HomeMaker().make, args=(home(root),))
    thread.start()
    entered.wait()
    assert HomeMaker().make(home(root, "bob"))
    assert len(left(root)) == 2
    go.set()
    thread.join()
    assert sorted(os.listdir(root)) == ["alice", "bob"]


def test_somebody_elses_file_with_such_a_name_is_left_alone(root):
    name = os.fsdecode(PREFIX) + "0" * 32
    (root / name).mkdir()
    (root / f"{name}.lock").write_text("")
    os.chown(root / f"{name}.lock", 1001, 1001)
    os.mkfifo(root / f"{name}1.lock")
    assert HomeMaker().make(home(root))
    assert len(left(root)) == 3


def test_where_renaming_replaces(root, skeleton, monkeypatch):
    """File systems without RENAME_NOREPLACE, and without locks."""

    def rename(*_):
        raise OSError(errno.EINVAL, "Invalid argument")

    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(kernel, "rename", rename)
    monkeypatch.setattr(fcntl, "flock", flock)
    order = home(root, skeleton=str(skeleton), skeleton_bytes=1000, skeleton_entries=10)
    (root / f"{os.fsdecode(PREFIX)}1.lock").write_text("")
    assert HomeMaker().make(order)
    fill = module._fill

    def slow(*arguments):
        fill(*arguments)
        (root / "bob").mkdir()

    monkeypatch.setattr(module, "_fill", slow)
    assert not HomeMaker().make(home(root, "bob"))
    assert sorted(os.listdir(root))[1:] == ["alice", "bob"]
    assert len(os.listdir(root / "alice")) == 4


def test_a_full_disk(root, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "a").write_bytes(os.urandom(1_500_000))
    order = f"mount -t tmpfs -o size=1m none {root} && exec {sys.executable} {SCRIPT} full {root} {source}"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", order], capture_output=True, text=True)
    assert done.stdout == f"{QuotaExceeded.__name__} {root}/alice cannot be made: No space left on device\n\n", done.stderr


@pytest.fixture
def open_root():
    """Where everybody gets to."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        (top / "homes").mkdir()
        os.chown(top / "homes", 4000, 4000)
        yield top


def test_with_cap_chown_alone(open_root, skeleton):
    """Also what the killed ones left is cleared up, though some of it was not theirs any more."""
    shutil.copytree(skeleton / "Documents", open_root / "skeleton", copy_function=shutil.copy)
    (open_root / "skeleton").chmod(0o755)
    run("user", open_root / "homes", open_root / "skeleton")
    found = [sorted(os.listdir(step)) for step in (open_root / "homes").iterdir()]
    assert len(found) > 15
    assert {tuple(names) for names in found} == {("bob",), ("alice", "bob")}
    for made in (open_root / "homes").glob("*/alice"):
        assert {path.lstat().st_uid for path in (made, *made.rglob("*"))} == {1001}
        assert sorted(os.listdir(made)) == ["hello.txt", "more"]


def test_without_cap_chown(open_root, skeleton):
    said = run("none", open_root / "homes", "")
    assert said == (
        f"StorageUnavailable {open_root}/homes/alice cannot be made: it cannot be given to 1001:1002: that needs CAP_CHOWN\n\n"
    )
