from __future__ import annotations

import contextlib
import gc
import os
import time

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from clawgate.storage.posix import PosixOptions, PosixStorage


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return path


def descriptors():
    found = []
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
    return found


@pytest.fixture(autouse=True)
def nothing_stays_open(tmp_path, workers):
    """No test leaves a descriptor of a file, but the roots of storages that live on, and their staging folders."""
    yield
    workers.stop()
    gc.collect()
    root = os.path.realpath(tmp_path / "root")
    kept = (f"{root}/.clawgate", f"{root}/.clawgate (deleted)")
    assert [path for path in descriptors() if path.startswith(root + "/") and path not in kept] == []
    workers.start()


@pytest.fixture
def make(root, workers):
    """Makes storages with the given options."""
    return lambda **options: PosixStorage(str(root), workers, PosixOptions(**options))


@pytest.fixture
def staged(root):
    """What lies in the staging folder once the worker that deletes is done."""

    async def look(patience=5.0):
        end = time.monotonic() + patience
        while True:
            found = sorted(os.listdir(root / ".clawgate")) if (root / ".clawgate").exists() else []
            if not found or time.monotonic() > end:
                return found
            await deferLater(reactor, 0.01, lambda: None)

    return look
