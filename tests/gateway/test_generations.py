"""A storage that goes back in time is noticed, and nothing else is taken for that."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path as FilePath

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate.errors import Forbidden, StorageUnavailable
from clawgate.gateway.generations import Generations
from clawgate.interfaces import Keepsake
from clawgate.model.generation import Generation, Note, parse
from clawgate.settings import Outside
from clawgate.storage.posix.driver import PosixStorage
from clawgate.storage.posix.options import PosixOptions
from clawgate.workers import Workers

SPACE = "home$alice"


class Killed(BaseException):
    """The process ends here."""


@attrs.define
class Root:
    own: str
    stamp: int


class Cache:
    def __init__(self) -> None:
        self.root: Root | None = Root("own", 0)


class Index:
    """As much of a `SpaceIndex` as is looked at."""

    def __init__(self) -> None:
        self.epoch = "abc"
        self.cache = Cache()

    async def chain(self, path):
        return ([self.cache.root], []) if self.cache.root else ([], [])


class State:
    """What survives the process; may be told to kill it before or after a write."""

    def __init__(self) -> None:
        self.rows: dict[str, Generation] = {}
        self.kill: Callable[[], bool] = lambda: False

    async def load(self, space: str) -> Generation | None:
        return self.rows.get(space)

    async def keep(self, space: str, known: Generation) -> None:
        if self.kill():
            raise Killed
        self.rows[space] = known
        if self.kill():
            raise Killed


class Lying(Keepsake):
    """A note in a storage; may be told to kill the process before or after a write."""

    def __init__(self) -> None:
        self.text = ""
        self.kill: Callable[[], bool] = lambda: False
        self.failure: Exception | None = None

    async def read(self) -> str:
        if self.failure is not None:
            raise self.failure
        return self.text

    async def renew(self, make) -> str:
        if self.failure is not None:
            raise self.failure
        text = make(self.text)
        if self.kill():
            raise Killed
        self.text = text
        if self.kill():
            raise Killed
        return text


class World:
    """One space, its storage, and gateways that come and go."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.state = State()
        self.keepsake: Keepsake = Lying()
        self.index = Index()
        self.own = "own"
        self.read_only = False
        self.restored = 0
        self.gateway: Generations

    async def open(self, state: State | None = None) -> Generations:
        self.gateway = Generations(state or self.state, Outside(generation_seconds=10.0), lambda: self.now)
        await self.gateway.open(SPACE, self.keepsake, self.index, self._own, self._restored, read_only=self.read_only)
        return self.gateway

    async def _own(self) -> str:
        return self.own

    def _restored(self) -> None:
        self.restored += 1

    async def change(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.index.cache.root is not None
            self.index.cache.root.stamp += 1
            self.now += 20
            await self.gateway.note()

    @property
    def fingerprint(self) -> str:
        return self.gateway.fingerprint(SPACE)


@pytest.mark.parametrize("text", ["", "nonsense", "generation=\n", "generation=-1", "generation=" + "9" * 30, "generation=٣"])
def test_what_is_no_note(text: str) -> None:
    assert parse(text) is None


def test_notes_can_be_read_again() -> None:
    assert parse(str(Note(7, "abc"))) == Note(7, "abc")


@pytest_twisted.ensureDeferred
async def test_only_a_space_that_changes_gets_notes_and_not_too_many() -> None:
    world = World()
    await world.open()
    await world.gateway.note()
    assert world.keepsake.text == ""
    await world.change()
    first = world.keepsake.text
    assert parse(first) == Note(1)
    world.index.cache.root.stamp += 1
    world.now += 5
    await world.gateway.note()
    assert world.keepsake.text == first
    world.now += 5
    await world.gateway.note()
    assert parse(world.keepsake.text) == Note(2)
    world.now += 100
    await world.gateway.note()
    await world.open()
    world.now += 100
    await world.gateway.note()
    assert parse(world.keepsake.text) == Note(2), "nothing changed, not even by a restart"


@pytest.mark.parametrize("when", ["stopped", "running"])
@pytest.mark.parametrize("older", ["an older note", "none", "rubbish"])
@pytest_twisted.ensureDeferred
async def test_a_restored_storage_is_noticed_once(when: str, older: str) -> None:
    world = World()
    await world.open()
    await world.change(3)
    snapshot = {"an older note": world.keepsake.text, "none": "", "rubbish": "%&"}[older]
    await world.change(3)
    world.keepsake.text = snapshot
    if when == "stopped":
        await world.open()
    else:
        world.now += 5
        await world.gateway.check(SPACE)
    assert world.restored == 1
    told = world.fingerprint
    assert told
    for _ in range(3):
        world.now += 5
        await world.gateway.check(SPACE)
        await world.open()
    await world.change()
    await world.open()
    assert (world.restored, world.fingerprint) == (1, told)
    note = parse(world.keepsake.text)
    assert note is not None and note.number > 6 and note.fingerprint == told
    world.keepsake.text = snapshot
    await world.open()
    assert world.restored == 2
    assert world.fingerprint not in ("", told)


@pytest_twisted.ensureDeferred
async def test_what_was_restored_is_noticed_before_a_new_note_hides_it() -> None:
    world = World()
    await world.open()
    await world.change()
    snapshot = world.keepsake.text
    await world.change(3)
    world.keepsake.text = snapshot
    await world.change()
    assert world.restored == 1
    await world.change()
    assert parse(world.keepsake.text) == Note(5, world.fingerprint)


@pytest_twisted.ensureDeferred
async def test_no_false_alarm() -> None:
    world = World()
    await world.open()
    await world.change(3)

    # another index
    world.index.cache.root = None
    await world.open()
    world.index.cache.root = Root("own", 1)
    world.index.epoch = "def"
    await world.open()
    await world.change()

    # a file system that is not mounted
    world.own = "mountpoint"
    text, world.keepsake.text = world.keepsake.text, ""
    await world.open()
    await world.change()
    world.own, world.keepsake.text = "own", text
    await world.open()

    # a storage that does not answer, or does not let us
    for failure in (StorageUnavailable("gone"), Forbidden("no")):
        world.keepsake.failure = failure
        await world.open()
        await world.change()
        world.keepsake.failure = None
        await world.open()

    # another gateway, with a state of its own, at the same storage
    theirs = State()
    for _ in range(3):
        await world.open(theirs)
        await world.change()
        await world.open()
        await world.change()

    # a state that was lost, or is an old one
    old = State()
    old.rows = {SPACE: Generation(2)}
    for state in (State(), old):
        await world.open(state)
        await world.change()
    await world.open()
    assert (world.restored, world.fingerprint) == (0, "")


@pytest_twisted.ensureDeferred
async def test_a_read_only_space_is_looked_at_and_left_alone() -> None:
    world = World()
    await world.open()
    await world.change(2)
    snapshot = world.keepsake.text
    await world.change(2)
    world.read_only = True
    await world.open()
    await world.change()
    assert parse(world.keepsake.text) == Note(4)
    world.keepsake.text = snapshot
    await world.open()
    told = world.fingerprint
    await world.change(2)
    await world.open()
    assert world.keepsake.text == snapshot
    assert (world.restored, world.fingerprint) == (1, told)


@pytest_twisted.ensureDeferred
async def test_a_lost_state_does_not_change_what_clients_are_told() -> None:
    world = World()
    await world.open()
    await world.change(2)
    world.keepsake.text = ""
    await world.open()
    await world.change()
    told = world.fingerprint
    await world.open(State())
    assert world.fingerprint == told


@pytest_twisted.ensureDeferred
async def test_the_operator_can_say_it() -> None:
    world = World()
    await world.open()
    await world.change(2)
    await world.gateway.renew(SPACE)
    told = world.fingerprint
    assert told
    await world.open()
    await world.change()
    assert world.fingerprint == told
    assert world.restored == 0


@pytest_twisted.ensureDeferred
async def test_inodes_set_back_by_much_are_a_sign() -> None:
    world = World()
    await world.open()
    await world.gateway.set_back(SPACE, [90000.0] * 9 + [80000.0] * 50)
    assert world.restored == 0
    world.now += 3601
    await world.gateway.set_back(SPACE, [90000.0] * 9 + [80000.0] * 50)
    assert world.restored == 0, "they were too long ago"
    await world.gateway.set_back(SPACE, [1e9])
    assert world.restored == 1
    assert world.fingerprint


@pytest_twisted.ensureDeferred
async def test_kills_anywhere_are_no_restored_backup() -> None:
    """2,000 lives of a gateway, each killed before or after some write."""
    rng = random.Random(5)
    world = World()
    alarms = 0
    for life in range(2000):
        left = rng.randrange(6)

        def kill() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        world.state.kill = world.keepsake.kill = kill
        try:
            await world.open()
            await world.change(rng.randrange(4))
        except Killed:
            pass
        if life == 1000:
            # One that is real: it is noticed, whatever is killed, and only once.
            assert world.restored == 0
            world.keepsake.text = str(Note(1))
        alarms = max(alarms, world.restored)
    world.state.kill = world.keepsake.kill = lambda: False
    await world.open()
    told = world.fingerprint
    await world.change()
    await world.open()
    assert told and world.fingerprint == told
    assert alarms == 1


@pytest_twisted.async_yield_fixture
async def workers():
    pool = Workers(reactor, "test", 2, 100)
    pool.start()
    yield pool
    pool.stop()


@pytest_twisted.ensureDeferred
async def test_the_note_lies_in_the_tree_and_is_hidden(workers: Workers, tmp_path: FilePath) -> None:
    root = tmp_path / "root"
    root.mkdir()
    storage = PosixStorage(str(root), workers, PosixOptions())
    keepsake = storage.abilities.keepsake
    assert keepsake is not None
    assert await keepsake.read() == ""
    assert not (root / ".clawgate").exists()
    assert await keepsake.renew(lambda text: text + "one") == "one"
    shutil.copytree(root, tmp_path / "backup")
    assert await keepsake.renew(lambda text: text + " two") == "one two"
    assert await keepsake.read() == "one two"
    await storage.sweep(frozenset(), 0)
    assert os.listdir(root / ".clawgate") == ["generation"]
    listing = await storage.list("")
    assert [node async for page in listing.pages for node in page] == []
    shutil.rmtree(root)
    with pytest.raises(StorageUnavailable):
        await keepsake.read()
    shutil.copytree(tmp_path / "backup", root)
    assert await keepsake.read() == "one"


@pytest_twisted.ensureDeferred
async def test_a_note_that_cannot_be_written_leaves_the_old_one(workers: Workers, tmp_path: FilePath) -> None:
    keepsake = PosixStorage(str(tmp_path), workers, PosixOptions()).abilities.keepsake
    assert keepsake is not None
    await keepsake.renew(lambda text: "one")

    def fail(text: str) -> str:
        raise Forbidden("not now")

    with pytest.raises(Forbidden):
        await keepsake.renew(fail)
    assert await keepsake.read() == "one"
    assert os.listdir(tmp_path / ".clawgate") == ["generation"]
