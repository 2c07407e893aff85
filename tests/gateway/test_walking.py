from __future__ import annotations

import random

import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate.gateway import walking
from clawgate.gateway.quota import Quotas
from clawgate.gateway.storages import Storages
from clawgate.gateway.tree import Tree
from clawgate.gateway.walking import walk
from clawgate.model.path import ROOT, Path
from clawgate.model.permissions import READ_WRITE
from clawgate.model.space import Place, Space, SpaceKind
from clawgate.storage.memory import MemoryStorage
from clawgate.testing.tools import put
from clawgate.workers import Workers

SPACE = Space("home$ada", "Ada", SpaceKind.PERSONAL, "home", "ada", "/ada")


class Counted(Workers):
    """How often there was work for it."""

    count = 0

    async def run_always(self, function, *args, **kwargs):
        self.count += 1
        return await super().run_always(function, *args, **kwargs)


@pytest.fixture
def workers():
    workers = Counted(reactor, "brief", 1, 10)
    workers.start()
    yield workers
    workers.stop()


@pytest_twisted.async_yield_fixture
async def storage():
    """Folders in folders, with names that come in another order than their paths."""
    storage, chance = MemoryStorage(), random.Random(3)
    folders = [""]
    for name in ("b", "b!", "b.d", "b/x", "b/x/y", "é"):
        await storage.make_folder(Path(name))
        folders.append(name)
    for number in range(60):
        folder = chance.choice(folders)
        await put(storage, f"{folder}/{chance.choice('aBü~')}{number}".lstrip("/"), b"")
    yield storage


def tree_of(storage, brief=None):
    async def build(space):
        return storage

    async def reserved(space, apart):
        return 0

    return Tree(Storages(build), None, None, Quotas(reserved), {}, brief)


async def paths(tree, folder=ROOT, deep=True, after=None):
    return [met.path async for met in walk(tree, Place(SPACE, folder, READ_WRITE), deep=deep, after=after)]


@pytest.mark.parametrize("portion", [1, 3, 7, 1000])
@pytest_twisted.ensureDeferred
async def test_the_order_is_that_of_names(storage, workers, monkeypatch, portion):
    """However it is sorted; and a walk goes on wherever another one ended, also if that is gone by now."""
    monkeypatch.setattr(walking, "PORTION", portion)
    tree = tree_of(storage, workers)
    found = await paths(tree)
    assert len(found) == 66
    assert found == sorted(found, key=lambda path: path.split("/"))
    assert (workers.count > 0) is (portion < 1000)
    assert found == await paths(tree_of(storage))
    for place, path in enumerate(found):
        assert await paths(tree, after=Path(path)) == found[place + 1 :]
        missing = Path(path + "\N{NO-BREAK SPACE}")
        assert await paths(tree, after=missing) == [one for one in found if one.split("/") > missing.split("/")]
    flat = [path for path in found if "/" not in path]
    assert await paths(tree, deep=False) == flat
    assert await paths(tree, deep=False, after=Path(flat[5])) == flat[6:]
    below = [path for path in found if path.startswith("b/")]
    assert await paths(tree, Path("b")) == below
    assert await paths(tree, Path("b"), after=Path(below[4])) == below[5:]
    assert await paths(tree, Path("b"), after=Path("a")) == below
    assert await paths(tree, Path("b"), after=Path("c")) == []
