from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.gateway.keeping import DAY, Keeper, Limits, aged, missing, oldest
from clawgate.gateway.storages import Storages
from clawgate.interfaces import Room, Trashed
from clawgate.model.node import Kind, Node
from clawgate.model.path import Path
from clawgate.model.space import Space, SpaceKind
from clawgate.storage.memory import MemoryStorage
from clawgate.testing.history import trashed
from clawgate.testing.tools import put

NOW = 1_700_000_000.0
LIMITS = Limits(trash_days=30, versions_days=365, free_percent=10, quota_percent=50)
SPACE = Space("home$alice", "Alice", SpaceKind.PERSONAL, "home", "alice", "/x", quota=1000)


def entry(name, days, size=10):
    return Trashed(name, Node(name, Kind.FILE, size, 0, ""), Path(name), NOW - days * DAY)


def test_what_is_too_old():
    entries = [entry("a", 29.9), entry("b", 30.1), entry("c", 400)]
    assert [one.key for one in aged(entries, LIMITS, NOW)] == ["b", "c"]
    assert aged(entries, Limits(0, 0, 0, 0), NOW) == []


@pytest.mark.parametrize(
    ("room", "quota", "kept", "short"),
    [
        (Room(0, 100), None, 0, 0),
        (Room(90, 10), None, 0, 0),
        (Room(95, 5), None, 0, 5),
        (Room(100, 0), None, 0, 10),
        (Room(None, 0), None, 0, 0),
        (Room(100, None), None, 0, 0),
        (Room(0, 100), 1000, 500, 0),
        (Room(0, 100), 1000, 501, 1),
        (Room(95, 5), 1000, 503, 5),
        (Room(95, 5), 1000, 520, 20),
    ],
)
def test_what_has_to_go(room, quota, kept, short):
    assert missing(LIMITS, room, quota, kept) == short
    assert missing(Limits(1, 1, 0, 0), room, quota, kept) == 0


def test_the_oldest_first():
    entries = [entry("young", 1), entry("old", 3), entry("middle", 2)]
    assert [one.key for one in oldest(entries, 11)] == ["old", "middle"]
    assert [one.key for one in oldest(entries, 10)] == ["old"]
    assert len(oldest(entries, 1000)) == 3
    assert oldest(entries, 0) == []


@pytest_twisted.ensureDeferred
async def test_a_round():
    """What is old goes, and then as much of the oldest as the quota demands; another mount is left alone."""
    times = {"now": NOW}
    storages = {}

    async def build(space):
        storages[space.id] = MemoryStorage(lambda: int(times["now"] * 1e9))
        return storages[space.id]

    spaces = Storages(build)
    for space in (SPACE, Space("other$x", "X", SpaceKind.PROJECT, "other", "", "/y", quota=10)):
        storage = await spaces.of(space)
        for days, name in ((40, "ancient"), (20, "older"), (10, "old"), (1, "young")):
            times["now"] = NOW - days * DAY
            await put(storage, name, b"x" * 300)
            await storage.abilities.trash.discard(Path(name))
    times["now"] = NOW
    keeper = Keeper(spaces, {"home": LIMITS}, lambda: NOW)
    assert await keeper.run() == 900
    assert list(await trashed(storages["home$alice"].abilities.trash)) == ["young"]
    assert len(await trashed(storages["other$x"].abilities.trash)) == 4
    assert await keeper.run() == 0
