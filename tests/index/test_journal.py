"""The journal as an ability: what is told, what it costs, and what is too old."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.index import maintenance, rows
from clawgate.interfaces import Outdated
from clawgate.model.node import Kind, Node
from clawgate.model.path import ROOT, Path
from clawgate.state.prepared import Prepared

from .outside import AT_ONCE, learn, scanner
from .test_indexed import listing, put

HOURS = 3600.0


async def position(house, path: str = ""):
    reckon = house.storage.abilities.journal.reckoning()
    return reckon(await house.storage.stat(Path(path)))


async def since(house, position, path: str = "", *, deep: bool = True, limit: int = 1000):
    stretch = await house.storage.abilities.journal.since(Path(path), position, deep=deep, limit=limit)
    return {(event.path, event.there, event.arrived) for event in stretch.events}, stretch


@pytest_twisted.ensureDeferred
async def test_what_nobody_has_looked_at_is_no_news_and_no_loss(house):
    (house.root / "a/b").mkdir(parents=True)
    (house.root / "a/b/file").write_bytes(b"1")
    await listing(house.storage)
    before = await position(house)
    await learn(house.storage)
    assert (await since(house, before))[0] == set()
    assert await position(house) == before
    # Others make a folder: all that is in it comes with it, whether it is known yet or not.
    (house.root / "a/new/deep").mkdir(parents=True)
    await scanner(house.storage).run(AT_ONCE)
    assert ("a/new", True, True) in (await since(house, before))[0]


@pytest_twisted.ensureDeferred
async def test_moves_by_others_and_ourselves_tell_both_places(house):
    for path in ("a", "b"):
        await house.storage.make_folder(Path(path))
        await put(house.storage, f"{path}/file", b"1")
    await learn(house.storage)
    start = await position(house)
    await house.storage.move(Path("a"), Path("b/c"), replace=False)
    assert (await since(house, start))[0] == {("a", False, False), ("b/c", True, True)}
    middle = await position(house)
    (house.root / "b/c").rename(house.root / "z")
    (house.root / "b/file").rename(house.root / "z/moved")
    await learn(house.storage)
    await scanner(house.storage).run(AT_ONCE)
    told = (await since(house, middle))[0]
    assert {(path, there) for path, there, _ in told} == {
        ("b/c", False),
        ("b/file", False),
        ("z", True),
        ("z/moved", True),
    }
    assert ("z", True, True) in told


@pytest_twisted.ensureDeferred
async def test_what_is_gone_is_told_after_a_restart_and_after_it_was_swept(house):
    for path in ("file", "folder/file"):
        if "/" in path:
            await house.storage.make_folder(Path("folder"))
        await put(house.storage, path, b"1")
    await put(house.storage, "outside", b"1")
    await learn(house.storage)
    start = await position(house)
    await house.storage.remove(Path("file"))
    await house.storage.remove(Path("folder"))
    (house.root / "outside").unlink()
    await listing(house.storage)
    gone = {("file", False, False), ("folder", False, False), ("outside", False, False)}
    assert (await since(house, start))[0] == gone
    await house.reopen()
    await house.index.tidy()
    told, stretch = await since(house, start)
    assert told == gone
    assert {event.path for event in stretch.events if event.folder} == {"folder"}


@pytest_twisted.ensureDeferred
async def test_positions_become_too_old_and_quiet_folders_do_not(house):
    await house.storage.make_folder(Path("quiet"))
    await put(house.storage, "file", b"1")
    await learn(house.storage)
    start, quiet = await position(house), await position(house, "quiet")
    await put(house.storage, "other", b"1")
    index = house.index
    now = [index._now()]
    index._now = house.storage.index._now = lambda: now[0]

    async def later(days: float) -> None:
        now[0] += days * 24 * HOURS
        await index.tidy()

    await later(20)
    await put(house.storage, "file", b"22")
    assert len((await since(house, start))[0]) == 2
    fresh = await position(house, "quiet")
    assert fresh.number > quiet.number
    await later(11)
    with pytest.raises(Outdated):
        await since(house, start)
    # Nothing has happened there, however long ago it was read.
    assert (await since(house, quiet, "quiet"))[0] == set()
    await put(house.storage, "quiet/new", b"1")
    with pytest.raises(Outdated):
        await since(house, quiet, "quiet")
    assert (await since(house, fresh, "quiet"))[0] == {("quiet/new", True, False)}
    at_last = await position(house, "quiet")
    await house.reopen()
    assert await position(house, "quiet") == at_last


@pytest_twisted.ensureDeferred
async def test_other_journals_and_folders(house):
    await house.storage.make_folder(Path("a"))
    start, other = await position(house), await position(house, "a")
    for wrong in (other, start._replace(number=start.number + 1), start._replace(journal="x")):
        with pytest.raises(Outdated):
            await since(house, wrong)
    await maintenance.rebuild(
        house.database, "home$alice", (await house.reopen()).observer.scan, house.storage.index.unlearned, lambda *_: None
    )
    with pytest.raises(Outdated):
        await since(house, start)
    # Numbers are never given out twice, so what is told now counts on from there.
    begun = await position(house)
    await put(house.storage, "file", b"1")
    assert (await since(house, begun))[0] == {("file", True, False)}
    await house.reopen(forget=True)
    with pytest.raises(Outdated):
        await since(house, begun)


@pytest_twisted.ensureDeferred
async def test_one_change_among_a_hundred_thousand_files(house, monkeypatch):
    await put(house.storage, "file", b"1")
    await learn(house.storage)
    start = await position(house)
    index = house.storage.index
    root = (await index.chain(ROOT))[0][0]

    def fill(connection):
        news = [rows.New(Node(f"n{n}", Kind.FILE, 0, 0, "s"), f"i{n}", f"i{n}", "e") for n in range(100_000)]
        return rows.add_many(connection, index.no, root.no, news)

    assert await house.database.write(fill) == 100_000
    await put(house.storage, "file", b"22")
    counts: list[int] = []

    def counted(inner):
        def call(self, *args):
            found = inner(self, *args)
            counts.append(len(found) if isinstance(found, list) else 1)
            return found

        return call

    for name in ("all", "one"):
        monkeypatch.setattr(Prepared, name, counted(getattr(Prepared, name)))
    for deep in (True, False):
        counts.clear()
        told, stretch = await since(house, start, deep=deep)
        assert told == {("file", True, False)}
        assert stretch.complete
        assert len(counts) < 10
        assert sum(counts) < 12


@pytest_twisted.ensureDeferred
async def test_in_stretches(house):
    await listing(house.storage)
    start = await position(house)
    for number in range(25):
        await put(house.storage, f"f{number}", b"1")
        await house.storage.remove(Path(f"f{number}")) if number % 5 == 0 else None
    found, at, stretches = set(), start, 0
    while True:
        told, stretch = await since(house, at, limit=4)
        found |= {(path, there) for path, there, _ in told}
        at, stretches = stretch.position, stretches + 1
        if stretch.complete:
            break
    assert stretches == 8
    assert {path for path, there in found if there} == {f"f{number}" for number in range(25) if number % 5}
    assert at == await position(house)


@pytest_twisted.ensureDeferred
async def test_the_lines_of_the_journal(house):
    await house.storage.make_folder(Path("d"))
    await put(house.storage, "f", b"1")
    await put(house.storage, "f", b"2")
    await house.storage.move(Path("f"), Path("d/g"), replace=False)
    await house.storage.remove(Path("d"))

    def read(connection):
        return connection.raw.execute("SELECT kind, name FROM index_change ORDER BY seq").fetchall()

    assert [tuple(row) for row in await house.database.read(read)] == [
        ("create", "d/"),
        ("create", "f"),
        ("update", "f"),
        ("leave", "f"),
        ("move", "g"),
        ("remove", "d/"),
    ]
