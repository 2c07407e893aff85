"""Folders that others have moved while somebody looks at their paths: what is found there is not taken for what was."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import NotFound
from clawgate.model.path import ROOT, Path

from .outside import agrees, known, learn


async def start(house):
    for path in ("a/d/sub", "b"):
        (house.root / path).mkdir(parents=True)
    for path in ("a/d/one", "a/d/sub/two"):
        (house.root / path).write_bytes(path.encode())
    await learn(house.storage)
    return await known(house.storage)


async def finish(house, before):
    """The folder that was ``a/d`` is ``b/e`` now, and nothing in it has changed."""
    await house.storage.observer.scan(Path("b"))
    await house.storage.observer.scan(Path("a"))
    await learn(house.storage)
    after = await known(house.storage)
    for path in ("", "/one", "/sub", "/sub/two"):
        assert after[f"b/e{path}"] == before[f"a/d{path}"], path
    assert await agrees(house.storage)
    return after


def put_another_there(house):
    (house.root / "a/d").rename(house.root / "b/e")
    (house.root / "a/d/sub").mkdir(parents=True)
    (house.root / "a/d/one").write_bytes(b"of another folder")
    (house.root / "a/d/two").write_bytes(b"of another folder")


async def list_it(storage):
    return await storage.list(Path("a/d"))


async def scan_below(storage):
    await storage.observer.scan(Path("a/d/sub"))


async def look_at_a_file(storage):
    await storage.observer.look(Path("a/d/one"))


async def read_a_file(storage):
    reader = await storage.read(Path("a/d/one"))
    await reader.close()


async def look_for_what_is_only_in_the_old_one(storage):
    with pytest.raises(NotFound):
        await storage.observer.look(Path("a/d/sub/two"))


@pytest.mark.parametrize("look", [list_it, scan_below, look_at_a_file, read_a_file, look_for_what_is_only_in_the_old_one])
@pytest_twisted.ensureDeferred
async def test_another_folder_stands_there(house, look):
    before = await start(house)
    put_another_there(house)
    await look(house.storage)
    now = await known(house.storage)
    assert now["a/d"].id != before["a/d"].id
    assert now[""].etag != before[""].etag
    await finish(house, before)


@pytest_twisted.ensureDeferred
async def test_a_listing_shows_what_is_there_and_the_id_of_that(house):
    before = await start(house)
    put_another_there(house)
    found = await house.storage.list(Path("a/d"))
    names = {node.name async for page in found.pages for node in page}
    assert names == {"sub", "one", "two"}
    assert found.folder.id != f"home$alice!{before['a/d'].id}"


@pytest.mark.parametrize("path", ["a/d/one", "a/d/sub/two", "a/d/never there"])
@pytest_twisted.ensureDeferred
async def test_nothing_stands_there_any_more(house, path):
    """What was in a folder that is gone is not gone from it."""
    before = await start(house)
    (house.root / "a/d").rename(house.root / "b/e")
    with pytest.raises(NotFound):
        await house.storage.observer.look(Path(path))
    if "never" not in path:
        now = await known(house.storage)
        assert "a/d" not in now
        assert now["a"].etag != before["a"].etag
    await finish(house, before)


@pytest_twisted.ensureDeferred
async def test_it_moves_while_it_is_listed(house, monkeypatch):
    """The listing began in the folder that the index knows, and what it found is entered when another stands there."""
    before = await start(house)
    listing = house.storage.inner.list

    async def list_late(path):
        found = await listing(path)
        if path == "a/d":
            monkeypatch.undo()
            put_another_there(house)
        return found

    monkeypatch.setattr(house.storage.inner, "list", list_late)
    (house.root / "a/d/new").touch()
    found = await house.storage.list(Path("a/d"))
    assert {node.name async for page in found.pages for node in page} == {"sub", "one", "two"}
    await house.storage.observer.scan(Path("b"))
    await learn(house.storage)
    after = await known(house.storage)
    assert {path: after[f"b/e/{path}"].id for path in ("one", "sub", "sub/two")} == {
        path: before[f"a/d/{path}"].id for path in ("one", "sub", "sub/two")
    }
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_another_folder_stands_there_when_it_is_learned(house):
    (house.root / "a/d").mkdir(parents=True)
    (house.root / "b").mkdir()
    (house.root / "a/d/one").touch()
    await house.storage.observer.scan(ROOT)
    await house.storage.observer.scan(Path("a"))
    await house.storage.observer.scan(Path("b"))
    before = await known(house.storage)
    assert not before["a/d"].learned
    put_another_there(house)
    await learn(house.storage)
    after = await known(house.storage)
    assert after["a/d"].id != before["a/d"].id
    await house.storage.observer.scan(Path("b"))
    await learn(house.storage)
    after = await known(house.storage)
    assert after["b/e"].id == before["a/d"].id
    assert await agrees(house.storage)


class Overtaken:
    """What is said to have been overtaken."""

    def __init__(self, house) -> None:
        self.paths = []
        house.storage.index.tidings.overtaken = self.paths.extend


@pytest.mark.parametrize("who", ["learner", "listing"])
@pytest_twisted.ensureDeferred
async def test_it_changes_between_being_read_and_being_learned(house, who, monkeypatch):
    """Whoever is told of the change finds the folder unknown still; so it has to be looked at once more."""
    (house.root / "a").mkdir()
    (house.root / "b").mkdir()
    (house.root / "a/one").touch()
    overtaken = Overtaken(house)
    storage, observer = house.storage, house.storage.observer
    await observer.scan(ROOT)

    async def change(path):
        monkeypatch.undo()
        (house.root / "a/one").write_bytes(b"changed")
        folder = await observer.folder(Path("a"))
        assert not folder.learned
        observer.disturb(folder)

    if who == "learner":
        survey = storage.inner.abilities.survey
        exploring = survey.explore

        async def explore_late(folders, entries):
            found = await exploring(folders, entries)
            await change("a")
            return found

        monkeypatch.setattr(survey, "explore", explore_late)
        await learn(storage)
    else:
        listing = storage.inner.list

        async def list_late(path):
            found = await listing(path)
            await change(path)
            return found

        monkeypatch.setattr(storage.inner, "list", list_late)
        await storage.list(Path("a"))
        await learn(storage)
    assert overtaken.paths == ["a"]


@pytest_twisted.ensureDeferred
async def test_what_changed_before_it_was_read_is_no_reason_to_read_it_again(house):
    (house.root / "a").mkdir()
    overtaken = Overtaken(house)
    await house.storage.observer.scan(ROOT)
    house.storage.observer.disturb(await house.storage.observer.folder(Path("a")))
    await learn(house.storage)
    assert overtaken.paths == []


@pytest_twisted.ensureDeferred
async def test_a_file_that_grew_within_one_tick_of_the_clock(house, monkeypatch):
    (house.root / "log").write_bytes(b"x")
    await learn(house.storage)
    before = await known(house.storage)
    stat = house.storage.inner.stat

    async def in_the_same_tick(path):
        raw = await stat(path)
        return raw._replace(size=7, mtime_ns=raw.mtime_ns)

    monkeypatch.setattr(house.storage.inner, "stat", in_the_same_tick)
    await house.storage.observer.look(Path("log"))
    assert (await known(house.storage))["log"].etag != before["log"].etag


@pytest_twisted.ensureDeferred
async def test_a_new_file_that_has_another_name_before_it_is_known(house, monkeypatch):
    """It is in the listing by the one or the other."""
    (house.root / "a").mkdir()
    await learn(house.storage)
    (house.root / "a/new").touch()
    identify = house.storage.inner.identify

    async def identify_late(folder, names):
        if "new" in names and (house.root / "a/new").exists():
            (house.root / "a/new").rename(house.root / "a/newer")
        return await identify(folder, names)

    monkeypatch.setattr(house.storage.inner, "identify", identify_late)
    found = await house.storage.list(Path("a"))
    assert [node.name async for page in found.pages for node in page] == ["newer"]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
@pytest_twisted.ensureDeferred
async def test_who_watches_hears_of_folders_that_came_from_elsewhere(house, order):
    """Also if nobody told of the move: the folder was found at its new place when that was read."""
    await start(house)
    arrived = []
    house.storage.index.tidings.arrived = arrived.extend
    (house.root / "a/d").rename(house.root / "b/e")
    for path in order:
        await house.storage.observer.scan(Path(path))
    assert arrived == ["b/e"]
    await house.storage.move(Path("b/e"), Path("a/d"), replace=False)
    (house.root / "a/new").mkdir()
    await house.storage.observer.scan(Path("a"))
    assert arrived == ["b/e"], "of what we do the storage tells, and what is new is found as such"
