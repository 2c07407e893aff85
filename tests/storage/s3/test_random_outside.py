"""Random changes by others and by the gateway: whoever lists a folder sees what is there, at once and with ids of its own."""

from __future__ import annotations

import random

import pytest

from clawgate.errors import ClawgateError
from clawgate.model.path import ROOT, Path, join, parent
from clawgate.testing.tools import children, put, tree

from ...index.outside import agrees, learn
from .test_surveying import indexed  # noqa: F401

NAMES = "abc"


class Walk:
    """Does things by chance, with one storage or the other: `other` is a gateway elsewhere that shares the bucket."""

    def __init__(self, mine, other, seed):
        self.storages = [mine, other, other]
        self.chance = random.Random(seed)
        self.done = []

    async def step(self, content):
        chance = self.chance
        storage = chance.choice(self.storages)
        folders = ["", *sorted(path for path, what in content.items() if what is None and path.count("/") < 2)]
        old = chance.choice(sorted(content) or [""])
        new = join(Path(chance.choice(folders)), chance.choice(NAMES))
        act = chance.choice(["put", "put", "make_folder", "move", "move", "move", "remove"])
        self.done.append((act, storage is self.storages[0], old, new))
        try:
            if act == "put":
                await put(storage, new, chance.choice([b"same", b"", b"another"]))
            elif act == "make_folder":
                await storage.make_folder(new)
            elif act == "remove" and old and len(content) > 6:
                await storage.remove(Path(old))
            elif act == "move" and old:
                await storage.move(Path(old), new, replace=chance.random() < 0.5)
        except ClawgateError as error:
            self.done[-1] += (str(error),)


async def shown(storage, path=ROOT):
    """What a client sees that asks for one folder after the other: ids by path."""
    found = {}
    for name, node in (await children(storage, path)).items():
        found[join(path, name)] = node.id
        if node.is_folder:
            found |= await shown(storage, join(path, name))
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_listings_are_complete(indexed, seed):  # noqa: F811
    indexed.mounted.storage.recalling = bool(seed % 2)
    walk = Walk(indexed, indexed.mounted.open(), seed)
    await walk.storages[1].start()
    for _ in range(12):
        for _ in range(walk.chance.randrange(1, 7)):
            await walk.step(await tree(walk.storages[1]))
        there = await tree(walk.storages[1])
        if walk.chance.random() < 0.3:
            some = walk.chance.choice(sorted(there) or [""])
            await children(indexed, parent(Path(some)))
        found = await shown(indexed)
        assert found.keys() == there.keys(), walk.done
    found = await shown(indexed)
    assert len(set(found.values())) == len(found), walk.done
    await learn(indexed)
    assert await agrees(indexed), walk.done
