from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("two_devices.py")


def test_a_tree_on_two_file_systems_that_runs_full(root):
    (root / "mnt").mkdir()
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    done = subprocess.run([*own, sys.executable, "-X", "dev", SCRIPT, root], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(os.listdir(root)) == [".clawgate", "mnt"]
