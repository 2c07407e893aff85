from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from clawgate.interfaces import Hint
from clawgate.model.path import Path
from clawgate.storage.posix import Notifier, PosixOptions, PosixStorage

PATIENCE = 120
FENCE = "fence"


def hint(folder, name="", deep=False):
    return Hint(Path(folder), name, deep)


@pytest.fixture
def memory():
    """A folder on a file system in memory."""
    path = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def roots(tmp_path, memory):
    """A tree on a disk and one in memory, and folders beside each on the same and on another file system: ``../out`` and
    ``../elsewhere``."""
    return [planted(tmp_path, memory), planted(memory, tmp_path)]


@pytest.fixture
def root(tmp_path, memory):
    """The one on a disk."""
    return planted(tmp_path, memory)


def planted(here, other):
    root = here / "root"
    for folder in ("a/b", "c"):
        (root / folder).mkdir(parents=True)
    for file in ("f", "a/f", "a/b/g"):
        (root / file).write_text("x")
    for beside in (here / "out", other / "other"):
        (beside / "d").mkdir(parents=True)
        (beside / "x").write_text("x")
        (beside / "d/y").write_text("x")
    (here / "elsewhere").symlink_to(other / "other")
    return root


@pytest.fixture(params=["fanotify", "inotify"])
def kind(request):
    return request.param


@pytest.fixture
def notifiers(workers):
    """Makes notifiers that run."""
    made = []

    def make(kind="auto", limit=1000, **options):
        notifier = Notifier(reactor, workers, kind, limit, **{"gather": 0.002, **options})
        notifier.start()
        made.append(notifier)
        return notifier

    yield make
    for notifier in made:
        notifier.close()


@pytest.fixture
def listen(workers):
    """Makes listeners to the trees that a notifier watches."""
    listeners = []

    def make(notifier, root, **options):
        listener = Listener(notifier, root, workers, PosixOptions(**options))
        listeners.append(listener)
        return listener

    yield make
    for listener in listeners:
        listener.end()


def folders(root):
    """All folders, outer ones first."""
    found = []
    for path, names, _ in os.walk(root):
        names[:] = [name for name in names if name != ".clawgate"]
        found.append(Path(os.path.relpath(path, root) if path != str(root) else ""))
    return found


class Listener:
    """Writes down what it is told of one tree."""

    def __init__(self, notifier, root, workers, options):
        self.root = root
        self.workers = workers
        self.storage = PosixStorage(str(root), workers, options, notifier=notifier)
        self.changes = self.storage.abilities.changes
        self.heard = []
        self.lost = 0
        self.uncovered = []
        self.fences = 0
        self.end = self.changes.subscribe(self.heard.extend, self.on_lost, self.uncovered.extend)

    def on_lost(self):
        self.lost += 1

    async def cover(self, paths=None):
        return list(await self.workers.run(self.changes.cover, folders(self.root) if paths is None else paths))

    async def told(self, command):
        """All that is told of what a shell does in the tree."""
        run(command, self.root)
        return await self.all()

    async def all(self):
        """What was told until now: also of a change that is made now, and so after all others."""
        self.fences += 1
        name = f"{FENCE}{id(self)}-{self.fences}"
        run(f"mkdir {name}", self.root)
        await until(lambda: self.lost or any(one.name == name for one in self.heard))
        heard = {one for one in self.heard if not one.name.startswith(FENCE)}
        self.heard.clear()
        return heard


def run(command, folder):
    subprocess.run(["sh", "-ec", command], cwd=folder, check=True, stdin=subprocess.DEVNULL)


async def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "nothing was told"
        await deferLater(reactor, 0.002, lambda: None)
