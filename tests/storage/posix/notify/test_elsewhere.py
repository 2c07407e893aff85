"""In processes with other rights, and other things mounted."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("listening.py")


@contextlib.contextmanager
def listening(root, *before, kind="auto"):
    """A process started by `before`; what it is asked it answers."""
    command = [*before, sys.executable, SCRIPT, root, kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(*question):
            print(json.dumps(question), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()
        assert process.wait() == 0


@pytest.mark.parametrize("missing", ["sys_admin", "dac_read_search"])
def test_without_the_right_folders_are_watched_one_by_one(root, missing):
    drop = ["setpriv", f"--bounding-set=-{missing}", f"--inh-caps=-{missing}"]
    with listening(root, *drop) as ask:
        assert ask("cover", "", "a", "a/b") == [[], "inotify, 3 of 1000 folders"]
        assert ask("touch a/b/x c/x") == [["a/b", "x", False]]
    with listening(root, *drop, kind="fanotify") as ask:
        assert ask("cover", "", "a") == [["", "a"], "nothing"]


def test_nobody_can_watch_without_any_right(root):
    subprocess.run(["chmod", "-R", "o+rwX", root], check=True)
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    with listening(root, *drop) as ask:
        assert ask("cover", "", "a") == [[], "inotify, 2 of 1000 folders"]
        assert ask("touch a/x") == [["a", "x", False]]


def mounted(script):
    """Starts a process in a mount namespace of its own, in which `script` was run before."""
    return ["unshare", "--mount", "sh", "-ec", f'{script}; exec "$@"', "sh"]


def test_another_file_system_in_the_tree(root):
    (root / "c/mnt").mkdir()
    script = f"mount -t tmpfs none {root}/c/mnt; mkdir {root}/c/mnt/deep"
    with listening(root, *mounted(script), kind="fanotify") as ask:
        assert ask("cover", "", "c", "c/mnt", "c/mnt/deep", "a") == [["c/mnt", "c/mnt/deep"], "fanotify"]
    with listening(root, *mounted(script)) as ask:
        assert ask("cover", "", "c", "c/mnt", "c/mnt/deep", "a") == [[], "fanotify; inotify, 4 of 1000 folders"]
        assert ask("touch c/mnt/deep/x", ["c/mnt/deep", "x", False])
        # Whoever looks at c then finds that the folder is another one.
        assert ask("umount -l c/mnt", ["c", "mnt", True])


def test_a_part_of_the_file_system_is_mounted_in_the_tree(root):
    (root / "c/mnt").mkdir()
    script = f"mount --bind {root.parent}/out {root}/c/mnt"
    with listening(root, *mounted(script), kind="fanotify") as ask:
        assert ask("cover", "", "c", "c/mnt", "c/mnt/d", "a") == [["c/mnt", "c/mnt/d"], "fanotify"]
        assert ask("touch c/mnt/d/x a/x") == [["a", "x", False]]
    with listening(root, *mounted(script)) as ask:
        assert ask("cover", "", "c", "c/mnt", "c/mnt/d", "a")[0] == []
        assert ask("touch ../out/d/x", ["c/mnt/d", "x", False])


def test_a_tree_that_is_mounted_elsewhere(root):
    """What is outside of the mount has no path there, and what is in it has the one that is served."""
    (root.parent / "served").mkdir()
    script = f"mount --bind {root}/a {root.parent}/served"
    for number, kind in enumerate(("fanotify", "inotify")):
        (root / f"a/f{number}").touch()
        with listening(root.parent / "served", *mounted(script), kind=kind) as ask:
            assert ask("cover", "", "b")[0] == []
            assert ask(f"touch {root}/a/b/x {root}/c/x {root}/x; mv {root}/a/f{number} {root}/c/") == [
                ["b", "x", False],
                ["", f"f{number}", False],
            ]
            assert ask("mv b z") == [["", "b", True], ["", "z", True]]
            assert ask("cover", "", "z")[0] == []
            assert ask("mv z b") == [["", "z", True], ["", "b", True]]


def test_a_file_system_where_others_write_unseen(root):
    with listening("/proc/self", kind="auto") as ask:
        assert ask("cover", "", "fd") == [["", "fd"], "nothing"]
