from __future__ import annotations

import contextlib
import gc
import os
import re
import time

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from clawgate.storage.posix import PosixOptions, PosixStorage
from clawgate.storage.posix.guise import Doorkeepers
from clawgate.workers import Workers


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


@pytest.fixture(scope="module", autouse=True)
def what_was_there_before():
    """Is not looked through after every test: in a long run that took longer than the tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_stays_open(tmp_path, workers):
    """No test leaves a descriptor of a file, but the roots of storages that live on, and their staging folders."""
    yield
    workers.stop()
    gc.collect()
    root = os.path.realpath(tmp_path / "root")
    kept = re.compile(re.escape(f"{root}/.clawgate") + r"(/[0-9]+)?( \(deleted\))?")
    assert [path for path in descriptors() if path.startswith(root + "/") and not kept.fullmatch(path)] == []
    workers.start()


@pytest.fixture
def make(root, workers):
    """Makes storages with the given options."""
    return lambda **options: PosixStorage(str(root), workers, PosixOptions(**options))


@pytest.fixture
def staged(root):
    """What lies in the staging folder once the worker that deletes is done."""

    async def look(patience=60.0, below="", apart=()):
        end = time.monotonic() + patience
        folder = root / ".clawgate" / below
        while True:
            found = sorted(set(os.listdir(folder)) - set(apart)) if folder.exists() else []
            if not found or time.monotonic() > end:
                return found
            await deferLater(reactor, 0.01, lambda: None)

    return look


@pytest.fixture
def people():
    """Threads that act as persons."""
    people = Workers(reactor, "people", 4, 1000)
    people.start()
    yield people
    people.stop()


@pytest.fixture
def door():
    """Threads that open roots for them."""
    door = Doorkeepers(4)
    door.start()
    yield door
    door.stop()
