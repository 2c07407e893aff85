"""Learning a tree that was there before."""

from __future__ import annotations

import os

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from clawgate.errors import StorageUnavailable
from clawgate.index.learner import FEWEST, HOLD_SECONDS, portion
from clawgate.interfaces import Survey
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path

from .outside import AT_ONCE, Known, agrees, known, learn, learner, scanner


async def once(data: bytes):
    yield data


async def drain(storage, path: str = ""):
    return [node async for page in (await storage.list(Path(path))).pages for node in page]


class Slow(Survey):
    """Calls `then` after each look, and before anybody hears of it."""

    def __init__(self, inner: Survey) -> None:
        self.inner = inner
        self.then = {}
        self.calls: list[list[str]] = []

    async def survey(self, folders):
        return await self.inner.survey(folders)

    async def explore(self, folders, entries):
        found = await self.inner.explore(folders, entries)
        self.calls.append(list(folders[: len(found)]))
        for folder in folders:
            if folder in self.then:
                await self.then.pop(folder)()
        return found


def build(root, folders: int = 12, files: int = 7) -> None:
    for number in range(folders):
        folder = root / f"d{number % 3}/e{number}"
        folder.mkdir(parents=True)
        for name in range(files):
            (folder / f"f{name}").write_bytes(b"x" * name)


@pytest.mark.parametrize("entries", [1, 10, 1000])
@pytest_twisted.ensureDeferred
async def test_a_tree_is_learned_without_moving_etags(house, entries):
    build(house.root)
    before = await house.storage.stat(ROOT)
    assert not (await known(house.storage))[""].learned
    survey = Slow(house.storage.inner.abilities.survey)
    teacher = await learn(house.storage, survey=survey, entries=entries)
    assert teacher.progress == (16, 3 + 12 + 12 * 7, 0)
    assert await agrees(house.storage)
    after = await house.storage.stat(ROOT)
    assert (after.etag, after.id) == (before.etag, before.id)
    assert after.size == 12 * sum(range(7))
    assert (await house.storage.stat(Path("d1"))).size == 4 * sum(range(7))
    assert len(survey.calls) == {1: 16, 10: 15, 1000: 5}[entries]
    # What was learned is what was seen: nothing is read again.
    assert (await scanner(house.storage).run(AT_ONCE)).changed == 0
    learned = await known(house.storage)
    await drain(house.storage, "d1/e1")
    assert await known(house.storage) == learned

    # The same as what listing finds.
    storage = await house.reopen(forget=True)
    for path in ("", "d0", "d1", "d2", *(f"d{number % 3}/e{number}" for number in range(12))):
        await drain(storage, path)
    listed = await known(storage)
    assert {path: (row.id, row.learned) for path, row in listed.items()} == {
        p: (row.id, row.learned) for p, row in learned.items()
    }
    assert all(row.etag == learned[path].etag for path, row in listed.items() if (house.root / path).is_file())


@pytest_twisted.ensureDeferred
async def test_a_large_folder_is_entered_bit_by_bit(house):
    (house.root / "many").mkdir()
    for number in range(55):
        (house.root / f"many/{number}").write_bytes(b"1")
    storage = house.storage
    await storage.stat(ROOT)
    writes: list[int] = []
    index_learn = storage.index.learn

    async def count(shown):
        writes.append(sum(len(one.children) for one in shown))
        return await index_learn(shown)

    storage.index.learn = count
    await learn(storage, entries=10)
    assert writes == [1, 10, 10, 10, 10, 10, 5]
    assert await agrees(storage)
    assert (await storage.stat(ROOT)).size == 55
    assert (await scanner(storage).run(AT_ONCE)).changed == 0


@pytest_twisted.ensureDeferred
async def test_killed_in_a_large_folder(house):
    (house.root / "many").mkdir()
    for number in range(55):
        (house.root / f"many/{number}").write_bytes(b"1")
    storage = house.storage
    await storage.stat(ROOT)
    index_learn = storage.index.learn

    async def die(shown):
        if len(await known(storage)) > 30:
            raise RuntimeError("killed")
        return await index_learn(shown)

    storage.index.learn = die
    with pytest.raises(RuntimeError):
        await learn(storage, entries=10)
    # Meanwhile.
    for number in range(5):
        (house.root / f"many/{number}").unlink()
        (house.root / f"many/{50 + number}").write_bytes(b"22")
    storage = await house.reopen()
    assert not (await known(storage))["many"].learned
    await learn(storage, entries=10)
    assert await agrees(storage)
    assert (await storage.stat(ROOT)).size == 45 + 10


@pytest_twisted.ensureDeferred
async def test_our_own_changes_win(house):
    build(house.root)
    storage = house.storage
    await storage.stat(ROOT)
    survey = Slow(storage.inner.abilities.survey)

    async def write() -> None:
        await storage.write(Path("d0/e0/f1"), once(b"ours, and longer"), Intent())
        await storage.write(Path("d0/e0/new"), once(b"new"), Intent())

    async def remove() -> None:
        await storage.remove(Path("d0/e3/f2"))

    async def move() -> None:
        await storage.move(Path("d1/e4"), Path("d2/moved"), replace=False)

    async def listing() -> None:
        (house.root / "d1/e1/outside").touch()
        await drain(storage, "d1/e1")

    survey.then = {"d0/e0": write, "d0/e3": remove, "d1/e4": move, "d1/e1": listing}
    await learn(storage, survey=survey)
    assert not survey.then
    assert await agrees(storage)
    after = await known(storage)
    assert (await storage.stat(Path("d0/e0/f1"))).size == 16
    assert "d0/e3/f2" not in after
    assert {f"d2/moved/f{number}" for number in range(7)} <= set(after)
    assert not any(path.startswith("d1/e4") for path in after)
    assert "d1/e1/outside" in after
    await scanner(storage).run(AT_ONCE)
    assert await known(storage) == after


@pytest_twisted.ensureDeferred
async def test_what_is_in_memory_is_what_was_learned(house):
    build(house.root)
    storage = house.storage
    sizes = []
    teacher = learner(storage, entries=10, folders=1)
    for path in ("", "d0", "d0/e0"):
        await storage.stat(Path(path))
    versions = {(await storage.list(ROOT)).version}
    while await teacher.step():
        sizes.append((await storage.stat(ROOT)).size)
        versions.add((await storage.list(ROOT)).version)
        assert sizes[-1] == await storage.index.database.read(
            lambda c: c.raw.execute("SELECT size FROM index_node WHERE parent = 0").fetchone()[0]
        )
    assert sizes[-1] == 12 * sum(range(7))
    assert len(versions) > 1
    assert (await storage.stat(Path("d0"))).size == 4 * sum(range(7))


@pytest_twisted.ensureDeferred
async def test_cancelled_while_it_writes(house):
    """Memory says what the database says, however it ends."""
    build(house.root)
    storage = house.storage
    await storage.stat(ROOT)
    database = storage.index.database
    write = database.write
    waiting: list[Deferred[None]] = []

    async def slow(function):
        found = await write(function)
        waiting.append(Deferred())
        await waiting[-1]
        return found

    database.write = slow
    learning = Deferred.fromCoroutine(learner(storage, entries=1000).step())
    while not waiting:
        await house.workers.run(lambda: None)
    ended: list[object] = []
    learning.addBoth(ended.append)
    learning.cancel()
    assert not ended
    database.write = write
    waiting[0].callback(None)
    while not ended:
        await house.workers.run(lambda: None)
    assert ended[0].check(CancelledError)
    chain, _ = await storage.index.chain(ROOT)
    assert chain[0].learned
    assert (await known(storage))[""].learned
    await learn(storage)
    assert await agrees(storage)


@pytest_twisted.ensureDeferred
async def test_a_folder_that_cannot_be_read_keeps_nobody_waiting(house, monkeypatch):
    build(house.root)
    storage = house.storage
    monkeypatch.setattr("clawgate.index.learner.STEP", 1)
    listing = storage.inner.list

    async def fail(path):
        if path.startswith("d0/"):
            raise StorageUnavailable(f"{path}: the storage reports an input/output error")
        return await listing(path)

    class Broken(Slow):
        async def explore(self, folders, entries):
            found = await super().explore(folders, entries)
            return [None if path.startswith("d0/") else one for path, one in zip(folders, found, strict=False)]

    monkeypatch.setattr(storage.inner, "list", fail)
    await storage.stat(ROOT)
    teacher = learner(storage, Broken(storage.inner.abilities.survey), folders=2)
    while await teacher.step():
        pass
    left = {path for path, row in (await known(storage)).items() if not row.learned and (house.root / path).is_dir()}
    assert left == {f"d0/e{number}" for number in range(0, 12, 3)}
    assert teacher.progress.left == 4
    assert not await teacher.step()
    monkeypatch.undo()
    monkeypatch.setattr("clawgate.index.learner.AGAIN_SECONDS", 0.0)
    await learn(storage)
    assert await agrees(storage)


@pytest_twisted.ensureDeferred
async def test_hard_links_and_what_was_moved_meanwhile(house):
    build(house.root)
    os.link(house.root / "d0/e0/f1", house.root / "d1/e1/link")
    os.link(house.root / "d0/e0/f1", house.root / "d0/e0/link")
    storage = house.storage
    await drain(storage)
    await drain(storage, "d2")
    before = await known(storage)
    # Known at its old place, not listed at the new one.
    (house.root / "d2/e2").rename(house.root / "d0/e0/e2")
    await learn(storage)
    assert await agrees(storage)
    after = await known(storage)
    assert after["d0/e0/e2"].id == before["d2/e2"].id
    assert "d2/e2" not in after or not (house.root / "d2/e2").exists()
    assert len({row.id for row in after.values()}) == len(after)
    assert isinstance(after[""], Known)


@pytest_twisted.ensureDeferred
async def test_a_root_that_is_not_there_ends_the_step(house):
    build(house.root)
    await house.storage.stat(ROOT)
    house.root.rename(house.root.with_name("elsewhere"))
    teacher = learner(house.storage)
    with pytest.raises(StorageUnavailable):
        await teacher.step()
    house.root.with_name("elsewhere").rename(house.root)
    await learn(house.storage)
    assert await agrees(house.storage)


def test_how_much_is_entered_follows_from_how_long_it_took():
    most = 2000
    size = FEWEST
    for expected in (1000, 2000, 2000):
        size = portion(size, most, size, HOLD_SECONDS / 100)
        assert size == expected, "not more than twice as much at once"
    assert portion(most, most, most, HOLD_SECONDS * 2) == most / 2
    assert portion(most, most, most, HOLD_SECONDS * 1000) == FEWEST
    assert portion(600, most, 10, HOLD_SECONDS / 2) == 600, "ten take hardly less time than a hundred"
    assert portion(600, most, 400, HOLD_SECONDS * 2) == FEWEST
    assert portion(600, most, 600, 0.0) == 1200, "a clock has ticks"
    assert portion(20, 20, 20, HOLD_SECONDS * 1000) == 20, "what is set counts"
