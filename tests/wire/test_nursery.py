"""Forked gateways end with the tests, however these end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from .gateway import Gateway

REPOSITORY = Path(__file__).parents[2]
TESTS = """
import sys, time
from pathlib import Path
from tests.wire import launch
from tests.wire.gateway import Gateway

gateway = Gateway(Path(sys.argv[1]))
gateway.start()
print(launch.nursery().process.pid, gateway.process.pid, flush=True)
time.sleep(600)
"""


def runs(pid: int) -> bool:
    """Whether the process is there, and not only its remains."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def opened(process: Path) -> list[str]:
    """The files that it has open; some come and go meanwhile."""
    found = []
    for file in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(file.readlink()))
    return found


def test_nothing_is_left_of_tests_that_are_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TESTS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, start_new_session=True) as tests:
        assert tests.stdout is not None
        pids = [int(pid) for pid in tests.stdout.readline().split()]
        try:
            assert len(pids) == 2 and all(runs(pid) for pid in pids)
            # As Ctrl-C in a terminal: the nursery goes on, or nobody could see the end of what it has forked.
            os.kill(pids[0], signal.SIGINT)
            time.sleep(0.1)
            assert runs(pids[0])
        finally:
            tests.kill()
    deadline = time.monotonic() + 120
    while any(runs(pid) for pid in pids):
        assert time.monotonic() < deadline, "they go on"
        time.sleep(0.02)


def test_a_forked_gateway_is_like_one_that_was_started(tmp_path: Path) -> None:
    """But for what it is made of."""
    seen = []
    for name, environment in (("forked", {}), ("started", {"CLAWGATE_TEST": ""})):
        (tmp_path / name).mkdir()
        gateway = Gateway(tmp_path / name)
        gateway.environment = environment
        gateway.start()
        try:
            assert gateway.process is not None
            proc = Path(f"/proc/{gateway.process.pid}")
            status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())
            kept = {key: status[key] for key in ("Umask", "SigIgn", "SigBlk", "Uid", "Gid", "CapEff", "NoNewPrivs")}
            logs = opened(proc).count(str(gateway.log_file))
            seen.append(((kept, logs), (proc / "cwd").readlink().name, (proc / "limits").read_text()))
        finally:
            gateway.close()
    (one, cwd, limits), (other, other_cwd, other_limits) = seen
    assert (one, limits) == (other, other_limits)
    assert (cwd, other_cwd) == ("forked", "started")
