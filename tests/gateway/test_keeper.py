from __future__ import annotations

from contextlib import asynccontextmanager

import attrs
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from clawgate.errors import Forbidden, StorageUnavailable
from clawgate.gateway import keeper as module
from clawgate.gateway.keeper import AGAIN, FAILURES, PACE, PROBE, Keeper
from clawgate.gateway.keeping import DAY, Limits
from clawgate.gateway.storages import Storages
from clawgate.index.idle import Idle
from clawgate.interfaces import Quota, Room
from clawgate.model.path import Path
from clawgate.model.space import Space, SpaceKind
from clawgate.storage.memory import MemoryStorage
from clawgate.storage.memory_history import MemoryTrash
from clawgate.testing.history import trashed
from clawgate.testing.tools import put

NOW = 1_700_000_000.0
AGED = Limits(trash_days=30, versions_days=365, free_percent=0, quota_percent=50, idle_hours=24)
TIGHT = attrs.evolve(AGED, free_percent=10)


class Disk(Quota):
    """One for all spaces, of 10,000 bytes; what is purged is not free before the round has ended."""

    used = 0

    async def room(self) -> Room:
        return Room(self.used, 10_000 - self.used)


class World:
    """Spaces, open and idle, and a clock."""

    def __init__(self, limits):
        self.time = NOW
        self.clock = Clock()
        self.disk = Disk()
        self.idle: dict[str, MemoryStorage] = {}
        self.broken: set[str] = set()
        self.failure = StorageUnavailable
        self.visited: list[str] = []
        self.inside = 0
        self.spaces = Storages(self.build)
        self.keeper = Keeper(self.spaces, limits, self, Idle(self.clock, lambda: False, 1.0), self.now, self.clock.seconds)

    async def now(self):
        return NOW

    async def build(self, space):
        storage = MemoryStorage(lambda: int(self.time * 1e9))
        storage.abilities = attrs.evolve(storage.abilities, quota=self.disk)
        return storage

    async def fill(self, storage, **files):
        """Put files of 100 bytes into the trash: their names, and the days since then."""
        for name, days in files.items():
            self.time = NOW - days * DAY
            await put(storage, name, b"x" * 100)
            await storage.abilities.trash.discard(Path(name))

    async def opened(self, id, quota=None, **files):
        storage = await self.spaces.of(space(id, quota))
        await self.fill(storage, **files)
        return storage

    async def unused(self, id, **files):
        storage = self.idle[id] = await self.build(space(id))
        await self.fill(storage, **files)
        return storage

    async def ids(self, mounts):
        for id in list(self.idle):
            if id.partition("$")[0] in mounts:
                yield id

    @asynccontextmanager
    async def visit(self, id):
        assert self.inside == 0
        self.visited.append(id)
        if id in self.broken:
            raise self.failure("away")
        self.inside += 1
        try:
            yield [(space(id), self.idle[id])]
        finally:
            self.inside -= 1

    async def go(self, function):
        """Let it end, whatever it waits for."""
        going = Deferred.fromCoroutine(function())
        while not going.called:
            self.clock.advance(PACE)
        return await going


def space(id, quota=None):
    mount, _, key = id.partition("$")
    return Space(id, key, SpaceKind.PERSONAL, mount, key, f"/{key}", quota=quota)


async def names(storage):
    return sorted(await trashed(storage.abilities.trash))


@pytest_twisted.ensureDeferred
async def test_what_is_old_and_what_the_quota_demands():
    """First what is old, then as much of the oldest as the quota demands; another mount is left alone."""
    world = World({"home": AGED})
    alice = await world.opened("home$alice", quota=400, ancient=40, older=20, old=10, young=1)
    other = await world.opened("other$x", quota=10, ancient=40)
    assert await world.go(world.keeper.run) == 200
    assert await names(alice) == ["old", "young"]
    assert await names(other) == ["ancient"]
    assert await world.go(world.keeper.run) == 0


@pytest_twisted.ensureDeferred
async def test_spaces_that_nobody_uses_are_visited_now_and_then():
    world = World({"home": AGED, "never": attrs.evolve(AGED, idle_hours=0)})
    bob = await world.unused("home$bob", ancient=40, young=1)
    never = await world.unused("never$carol", ancient=40)
    assert await world.go(world.keeper.run) == 100
    assert await names(bob) == ["young"]
    assert await names(never) == ["ancient"]
    await world.fill(bob, ancient=40)
    await world.go(world.keeper.run)
    world.clock.advance(23 * 3600)
    await world.go(world.keeper.run)
    assert world.visited == ["home$bob"]
    world.clock.advance(3600)
    assert await world.go(world.keeper.run) == 100
    assert world.visited == ["home$bob", "home$bob"]


@pytest_twisted.ensureDeferred
async def test_visits_take_their_time():
    world = World({"home": AGED})
    for number in range(10):
        await world.unused(f"home${number}")
    going = Deferred.fromCoroutine(world.keeper.run())
    for number in range(1, 10):
        assert len(world.visited) == number
        world.clock.advance(PACE)
    world.clock.advance(PACE)
    assert going.called


@pytest_twisted.ensureDeferred
async def test_the_oldest_of_all_makes_room():
    """Nobody loses anything young as long as there is something older elsewhere, in use or not."""
    world = World({"home": TIGHT})
    alice = await world.opened("home$alice", a_month=29, a_week=8, today=0)
    bob = await world.unused("home$bob", a_month=29, a_week=8, today=0)
    world.disk.used = 9100
    assert await world.go(world.keeper.run) == 100
    # Nobody had anything of more than thirty days; of a week and more the first one gives what is missing.
    assert await names(alice) == ["a_week", "today"]
    assert await names(bob) == ["a_month", "a_week", "today"]
    world.disk.used = 9300
    assert await world.go(world.keeper.run) == 300
    assert (await names(alice), await names(bob)) == (["today"], ["today"])
    # As soon as there is room enough nobody is visited.
    visited = len(world.visited)
    world.disk.used = 9000
    assert await world.go(world.keeper.run) == 0
    assert len(world.visited) == visited


@pytest_twisted.ensureDeferred
async def test_who_has_nothing_more_to_give_is_left_alone():
    world = World({"home": TIGHT})
    bob = await world.unused("home$bob", young=1)
    # Somebody is at work, whose storage is found to be full each time.
    await world.opened("home$alice")
    world.disk.used = 9900
    assert await world.go(world.keeper.run) == 100
    assert await names(bob) == []
    before = len(world.visited)
    for _ in range(5):
        assert await world.go(world.keeper.run) == 0
    assert len(world.visited) == before
    # Until the next time.
    await world.fill(bob, again=1)
    world.clock.advance(24 * 3600)
    assert await world.go(world.keeper.run) == 100


@pytest_twisted.ensureDeferred
async def test_a_mount_that_fails_does_not_keep_the_others():
    world = World({"home": AGED, "more": AGED})
    for number in range(FAILURES + 5):
        await world.unused(f"home${number}", ancient=40)
    world.broken = set(world.idle) - {"home$3"}
    more = await world.unused("more$x", ancient=40)
    assert await world.go(world.keeper.run) == 200
    assert await names(more) == []
    # One that works begins the count anew.
    assert [id for id in world.visited if id.startswith("home")] == [f"home${number}" for number in range(FAILURES + 4)]


@pytest_twisted.ensureDeferred
async def test_a_round_that_somebody_asks_for():
    world = World({"home": TIGHT, "any": AGED})
    alice = await world.opened("home$alice", one=1, two=2)
    await world.go(world.keeper.answer)
    world.keeper.ask("any")
    world.keeper.ask("nothing")
    world.disk.used = 9100
    await world.go(world.keeper.answer)
    assert await names(alice) == ["one", "two"]
    world.keeper.ask("home")
    world.keeper.ask("home")
    await world.go(world.keeper.answer)
    assert await names(alice) == ["one"]
    # The next one not before its time, whatever else happens.
    await world.go(world.keeper.answer)
    world.keeper.ask("home")
    await world.go(world.keeper.answer)
    assert await names(alice) == ["one"]
    world.clock.advance(AGAIN)
    await world.go(world.keeper.answer)
    assert await names(alice) == []


@pytest_twisted.ensureDeferred
async def test_who_needs_room_does_not_wait_for_a_long_round():
    world = World({"home": TIGHT})
    alice = await world.opened("home$alice", today=0)
    for number in range(10):
        await world.unused(f"home${number}", young=1)
    going = Deferred.fromCoroutine(world.keeper.run())
    assert len(world.visited) == 1
    world.disk.used = 9900
    world.keeper.ask("home")
    asking = Deferred.fromCoroutine(world.keeper.answer())
    world.clock.advance(PACE)
    # The round goes on, and the 900 bytes that are missing are there.
    assert not going.called
    assert [await names(storage) for storage in (alice, *world.idle.values())] == [["today"], *[[]] * 9, ["young"]]
    while not going.called:
        world.clock.advance(PACE)
    assert asking.called


def test_figures():
    """100,000 spaces have their turn well within a day."""
    assert 100_000 * module.PACE < 3600


@pytest_twisted.ensureDeferred
async def test_some_are_tried_though_many_have_failed():
    """The first ones alone may be those that do not work; each of them is the first one every time."""
    world = World({"home": AGED})
    for number in range(FAILURES + 3 * PROBE):
        await world.unused(f"home${number}", ancient=40)
    world.broken = {f"home${number}" for number in range(FAILURES)}
    await world.go(world.keeper.run)
    assert await names(world.idle[f"home${FAILURES + PROBE - 2}"]) == ["ancient"]
    for number in range(FAILURES + PROBE - 1, FAILURES + 3 * PROBE):
        assert await names(world.idle[f"home${number}"]) == []


@pytest_twisted.ensureDeferred
async def test_who_is_nobody_does_not_keep_the_others():
    world = World({"home": AGED})
    for number in range(FAILURES + 1):
        await world.unused(f"home${number}", ancient=40)
    world.broken, world.failure = {f"home${number}" for number in range(FAILURES)}, Forbidden
    assert await world.go(world.keeper.run) == 100


@pytest_twisted.ensureDeferred
async def test_one_of_several_people_that_fails_does_not_keep_the_others():
    world = World({"home": AGED})
    good = await world.unused("home$1", ancient=40)

    class Broken(MemoryStorage):
        @property
        def abilities(self):
            raise StorageUnavailable("away")

        @abilities.setter
        def abilities(self, value):
            pass

    @asynccontextmanager
    async def visit(id):
        yield [(space(id), Broken()), (space(id), good)]

    world.visit = visit
    assert await world.go(world.keeper.run) == 100


@pytest_twisted.ensureDeferred
async def test_one_thing_after_the_other_is_deleted():
    """So that the next one who looks sees the room that this has made; and whatever waits costs something."""
    world = World({"home": AGED})
    await world.opened("home$alice", one=40, two=50)
    done = []

    class Slow(MemoryTrash):
        async def purge(self, key):
            done.append((await self.find(key)).origin)
            await super().purge(key)

        async def emptied(self):
            done.append("deleted")

    [(_, storage)] = world.spaces.opened()
    storage.abilities.trash.__class__ = Slow
    await world.go(world.keeper.run)
    assert done == ["two", "deleted", "one", "deleted"]
