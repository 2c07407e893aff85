"""Passes over a real directory that others change."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path as File

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from clawgate.errors import StorageUnavailable
from clawgate.index.idle import Idle, due
from clawgate.index.scanner import Measure, Scanner
from clawgate.interfaces import Survey
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.storage.posix.ground import Ground
from clawgate.storage.posix.options import PosixOptions
from clawgate.storage.posix.surveying import PosixSurvey

from .outside import AT_ONCE, agrees, known, learn, scanner


class Killed(Exception):
    pass


class Watched(Survey):
    """Notes which folders were looked at; `then` is called after each look."""

    def __init__(self, inner: Survey) -> None:
        self.inner = inner
        self.calls: list[list[str]] = []
        self.then = lambda: None

    @property
    def seen(self) -> list[str]:
        return [path for call in self.calls for path in call]

    def kill_at(self, folder: str) -> None:
        """Nothing is done any more with what was seen of this folder."""

        def then() -> None:
            if folder in self.calls[-1]:
                raise Killed

        self.then = then

    async def survey(self, folders):
        self.calls.append(list(folders))
        found = await self.inner.survey(folders)
        self.then()
        return found

    async def explore(self, folders, entries):
        return await self.inner.explore(folders, entries)


async def once(data: bytes):
    yield data


def build(root: File) -> None:
    for path in ("a/b/c", "a/d", "e/f", "g"):
        (root / path).mkdir(parents=True)
    for path in ("one", "a/two", "a/b/three", "a/b/c/four", "e/f/five", "e/f/six"):
        (root / path).write_bytes(path.encode())


FOLDERS = ["", "a", "e", "g", "a/b", "a/d", "e/f", "a/b/c"]


async def settle(house):
    """A tree that is known and was walked once."""
    build(house.root)
    await learn(house.storage)
    first = await scanner(house.storage).run(AT_ONCE)
    # What was learned in the background need not be read again.
    assert (first.folders, first.entries, first.changed, first.failed) == (8, 13, 0, 0)
    assert await agrees(house.storage)
    return await known(house.storage)


def moved(before, after) -> set[str]:
    return {path for path in before if path in after and before[path].etag != after[path].etag}


CHANGES = {
    "append": (lambda root: os.truncate(root / "a/b/three", 99), {"", "a", "a/b", "a/b/three"}),
    "create": (lambda root: (root / "g/new").touch(), {"", "g"}),
    "delete": (lambda root: (root / "a/b/c/four").unlink(), {"", "a", "a/b", "a/b/c"}),
    "touch": (lambda root: os.utime(root / "e/f/six", (1, 1)), {"", "e", "e/f", "e/f/six"}),
    "chmod": (lambda root: (root / "e/f/six").chmod(0o600), set()),
    "replace": (lambda root: (root / "a/new").write_bytes(b"n") and (root / "a/new").rename(root / "a/two"), {"", "a", "a/two"}),
    "rename": (lambda root: (root / "a/two").rename(root / "a/2"), {"", "a"}),
    "mkdir": (lambda root: (root / "g/h/i").mkdir(parents=True), {"", "g"}),
    "rmtree": (lambda root: shutil.rmtree(root / "a/b"), {"", "a"}),
    "move to an earlier folder": (lambda root: (root / "e/f").rename(root / "a/f"), {"", "a", "e"}),
    "move to a later folder": (lambda root: (root / "a/b").rename(root / "g/b"), {"", "a", "g"}),
    "move up": (lambda root: (root / "a/b/c").rename(root / "c"), {"", "a", "a/b"}),
    "file to a folder": (lambda root: (root / "one").unlink() or (root / "one").mkdir(), {"", "one"}),
    "link": (lambda root: os.link(root / "one", root / "g/second"), {"", "g"}),
    "cp -a": (lambda root: subprocess.run(["cp", "-a", root / "a", root / "g/a"], check=True), {"", "g"}),
}


@pytest.mark.parametrize("kind", CHANGES)
@pytest_twisted.ensureDeferred
async def test_a_pass_finds_what_others_did(house, kind):
    before = await settle(house)
    change, expected = CHANGES[kind]
    change(house.root)
    found = await scanner(house.storage).run(AT_ONCE)
    after = await known(house.storage)
    assert moved(before, after) == expected
    assert found.changed > 0
    assert len({row.id for row in after.values()}) == len(after)
    await learn(house.storage)
    assert await agrees(house.storage)
    settled = await known(house.storage)
    assert {path: row.etag for path, row in settled.items() if path in after} == {path: row.etag for path, row in after.items()}
    # Ids stay with what they belong to.
    assert {path for path in before if path in after and after[path].id != before[path].id} <= {"one"}
    await scanner(house.storage).run(AT_ONCE)
    assert (await scanner(house.storage).run(AT_ONCE)).changed == 0
    assert await known(house.storage) == settled


@pytest_twisted.ensureDeferred
async def test_our_own_writes_cost_one_reading(house):
    await settle(house)
    for number in range(3):
        await house.storage.write(Path(f"a/b/new{number}"), once(b"x"), Intent())
    before = await known(house.storage)
    survey = Watched(house.storage.inner.abilities.survey)
    found = await scanner(house.storage, survey).run(AT_ONCE)
    # The folder itself, and the one that shows its time.
    assert found.changed == 2
    assert sorted(survey.seen) == sorted(FOLDERS)
    assert await known(house.storage) == before
    assert (await scanner(house.storage).run(AT_ONCE)).changed == 0


@pytest_twisted.ensureDeferred
async def test_a_change_between_looking_and_reading_is_found_by_the_next_pass(house):
    await settle(house)
    (house.root / "g/first").touch()
    survey = Watched(house.storage.inner.abilities.survey)
    survey.then = lambda: (house.root / "g/second").write_bytes(b"2" * len(survey.calls))
    await scanner(house.storage, survey, folders=100).run(AT_ONCE)
    survey.then = lambda: None
    calls = len(survey.calls)
    assert (await scanner(house.storage, survey).run(AT_ONCE)).changed > 0
    assert len(survey.calls) > calls
    assert await agrees(house.storage)
    assert (await scanner(house.storage).run(AT_ONCE)).changed == 0


@pytest_twisted.ensureDeferred
async def test_killed_between_looking_and_reading(house):
    before = await settle(house)
    (house.root / "a/b/three").write_bytes(b"other")
    survey = Watched(house.storage.inner.abilities.survey)
    survey.kill_at("a/b")
    with pytest.raises(Killed):
        await scanner(house.storage, survey, folders=1, calls=1).run(AT_ONCE)
    storage = await house.reopen()
    found = await scanner(storage).run(AT_ONCE)
    assert found.changed == 1
    assert moved(before, await known(storage)) == {"", "a", "a/b", "a/b/three"}


@pytest_twisted.ensureDeferred
async def test_a_pass_goes_on_where_it_was(house, monkeypatch):
    monkeypatch.setattr("clawgate.index.scanner.SAVE_SECONDS", 0.0)
    before = await settle(house)
    survey = Watched(house.storage.inner.abilities.survey)
    survey.kill_at("a/d")
    with pytest.raises(Killed):
        await scanner(house.storage, survey, folders=1, calls=1, now=lambda: 1000.0).run(AT_ONCE)
    assert survey.seen == ["", "a", "a/b", "a/b/c", "a/d"]

    (house.root / "a/d/new").touch()
    (house.root / "a/b/new").touch()
    storage = await house.reopen()
    survey = Watched(storage.inner.abilities.survey)
    found = await scanner(storage, survey, folders=1, calls=1, now=lambda: 2000.0).run(AT_ONCE)
    assert survey.seen == ["", "a", "a/d", "e", "e/f", "g"]
    assert (found.started, found.finished) == (1000.0, 2000.0)
    assert found.folders == 4 + 6
    after = await known(storage)
    # What changed behind it is for the next pass.
    assert "a/d/new" in after
    assert "a/b/new" not in after or moved(before, after) >= {"a/b"}
    found = await scanner(storage, now=lambda: 3000.0).run(AT_ONCE)
    assert found.folders == 8
    assert "a/b/new" in await known(storage)
    assert await agrees(storage)


@pytest_twisted.ensureDeferred
async def test_where_it_was_is_gone(house, monkeypatch):
    monkeypatch.setattr("clawgate.index.scanner.SAVE_SECONDS", 0.0)
    await settle(house)
    survey = Watched(house.storage.inner.abilities.survey)
    survey.kill_at("e/f")
    with pytest.raises(Killed):
        await scanner(house.storage, survey, folders=1, calls=1).run(AT_ONCE)
    shutil.rmtree(house.root / "e")
    survey = Watched(house.storage.inner.abilities.survey)
    await scanner(house.storage, survey, folders=1, calls=1).run(AT_ONCE)
    assert survey.seen == ["", "g"]
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_a_pass_of_all_does_not_go_on_with_one_of_a_part(house, monkeypatch):
    monkeypatch.setattr("clawgate.index.scanner.SAVE_SECONDS", 0.0)
    await settle(house)
    survey = Watched(house.storage.inner.abilities.survey)
    survey.kill_at("a/d")
    with pytest.raises(Killed):
        await scanner(house.storage, survey, folders=1, calls=1).run(AT_ONCE, lambda path: path != "a/b")
    # What is not wanted is not looked at, what is below it is.
    assert survey.seen == ["", "a", "a/b/c", "a/d"]
    survey = Watched(house.storage.inner.abilities.survey)
    assert (await scanner(house.storage, survey).run(AT_ONCE)).folders == 8


class Ceph:
    """Gives folders a mark that moves with every change below, as CephFS does."""

    def __init__(self, root: File) -> None:
        self.root = root

    def __call__(self, fd: int) -> str:
        path = os.readlink(f"/proc/self/fd/{fd}")
        below = [
            (at, name, os.lstat(os.path.join(at, name)).st_ctime_ns) for at, _, names in os.walk(path) for name in (*names, ".")
        ]
        return f"{len(below)}-{hash(tuple(sorted(below)))}"


@pytest_twisted.ensureDeferred
async def test_where_nothing_changed_below_nobody_looks(house):
    await settle(house)
    watched = Watched(PosixSurvey(Ground(str(house.root), PosixOptions()), house.workers, Ceph(house.root)))

    async def looked(**options) -> list[str]:
        watched.calls.clear()
        await scanner(house.storage, watched, folders=1, calls=1).run(AT_ONCE, **options)
        return watched.seen

    assert sorted(await looked()) == sorted(FOLDERS)
    assert await looked() == [""]
    (house.root / "a/b/c/four").write_bytes(b"other")
    assert await looked() == ["", "a", "a/b", "a/b/c", "a/d", "e", "g"]
    assert await agrees(house.storage)
    assert await looked() == [""]

    # As long as something below is not entered, the folders above are not done.
    (house.root / "a/d/new").touch()
    assert await looked(wanted=lambda path: path != "a/d") == ["", "a", "a/b", "e", "g"]
    assert "a/d" in await looked()
    assert await agrees(house.storage)
    assert await looked() == [""]
    (house.root / "a/d/unlearned").mkdir()
    assert "a/d" in await looked()
    (house.root / "a/d/unlearned/file").touch()
    assert "a/d" in await looked()
    await learn(house.storage)
    assert "a/d" in await looked()
    assert await looked() == [""]


@pytest_twisted.ensureDeferred
async def test_an_interrupted_pass_does_not_say_that_all_below_is_entered(house, monkeypatch):
    monkeypatch.setattr("clawgate.index.scanner.SAVE_SECONDS", 0.0)
    await settle(house)
    watched = Watched(PosixSurvey(Ground(str(house.root), PosixOptions()), house.workers, Ceph(house.root)))
    await scanner(house.storage, watched).run(AT_ONCE)
    (house.root / "a/b/three").write_bytes(b"other")
    (house.root / "g/new").touch()
    watched.calls.clear()
    watched.kill_at("e")
    with pytest.raises(Killed):
        await scanner(house.storage, watched, folders=1, calls=1).run(AT_ONCE)
    # Behind the place where it goes on, in a folder that it has looked at.
    (house.root / "a/b/c/four").write_bytes(b"changed behind its back")
    watched.then = lambda: None
    storage = await house.reopen()
    await scanner(storage, watched, folders=1, calls=1).run(AT_ONCE)
    await scanner(storage, watched).run(AT_ONCE)
    assert await agrees(storage)
    watched.calls.clear()
    await scanner(storage, watched).run(AT_ONCE)
    assert watched.seen == [""]


class Broken(Watched):
    """Cannot look at one folder."""

    async def survey(self, folders):
        found = await super().survey(folders)
        return [None if path == "a/b" else glance for path, glance in zip(folders, found, strict=True)]


@pytest_twisted.ensureDeferred
async def test_a_folder_that_cannot_be_read_does_not_end_the_pass(house, monkeypatch):
    before = await settle(house)
    (house.root / "a/b/three").write_bytes(b"other")
    (house.root / "g/new").touch()
    listing = house.storage.inner.list

    async def fail(path):
        if path == "a/b":
            raise StorageUnavailable("a/b: the storage reports an input/output error")
        return await listing(path)

    monkeypatch.setattr(house.storage.inner, "list", fail)
    walk = scanner(house.storage, Broken(house.storage.inner.abilities.survey))
    assert (await walk.run(AT_ONCE)).failed == 1
    assert moved(before, await known(house.storage)) == {"", "g"}
    monkeypatch.undo()
    found = await scanner(house.storage).run(AT_ONCE)
    assert (found.failed, found.changed) == (0, 1)
    assert await agrees(house.storage)


@pytest_twisted.ensureDeferred
async def test_a_root_that_is_not_there_is_no_empty_space(house):
    before = await settle(house)
    walk = scanner(house.storage)
    elsewhere = house.root.with_name("elsewhere")
    for stand_in in (False, True):
        house.root.rename(elsewhere)
        if stand_in:
            house.root.mkdir()
        with pytest.raises(StorageUnavailable):
            await walk.run(AT_ONCE)
        if stand_in:
            house.root.rmdir()
        elsewhere.rename(house.root)
        assert await known(house.storage) == before

    # In the middle of a pass.
    survey = Watched(house.storage.inner.abilities.survey)

    def unmount() -> None:
        if survey.calls[-1] == ["a/b"]:
            house.root.rename(elsewhere)
            house.root.mkdir()

    survey.then = unmount
    with pytest.raises(StorageUnavailable):
        await scanner(house.storage, survey, folders=1, calls=1).run(AT_ONCE)
    assert await known(house.storage) == before
    house.root.rmdir()
    elsewhere.rename(house.root)
    assert (await scanner(house.storage).run(AT_ONCE)).failed == 0
    assert await known(house.storage) == before


class Hanging(Watched):
    """Waits for a storage that does not answer."""

    async def survey(self, folders):
        await Deferred()
        return []


@pytest_twisted.ensureDeferred
async def test_it_can_be_cancelled(house):
    before = await settle(house)
    walking = Deferred.fromCoroutine(scanner(house.storage, Hanging(house.storage.inner.abilities.survey)).run(AT_ONCE))
    for _ in range(3):
        await house.workers.run(lambda: None)
    assert not walking.called
    walking.cancel()
    with pytest.raises(CancelledError):
        await walking
    assert await known(house.storage) == before
    assert (await scanner(house.storage).run(AT_ONCE)).folders == 8


async def pass_by(house, walking: Deferred, clock: Clock, seconds: float) -> None:
    """Let time pass, as far as `walking` waits for it; what takes real time takes none of it."""
    end = clock.seconds() + seconds
    while clock.seconds() < end and not walking.called:
        if clock.getDelayedCalls():
            clock.advance(0.05)
        else:
            await house.workers.run(lambda: None)


def test_how_a_pass_is_spread():
    assert due(0, 100, 60.0, 0.0) == 0.0
    assert due(50, 100, 60.0, 0.0) == 24.0
    assert due(100, 100, 60.0, 0.0) == due(500, 100, 60.0, 0.0) == 48.0
    assert due(50, 0, 60.0, 0.0) == 0.0
    assert due(50, 0, 60.0, 10.0) == 5.0
    assert due(500, 100, 60.0, 2.0) == 250.0


@pytest_twisted.ensureDeferred
async def test_a_pass_takes_its_time_and_says_when_it_takes_too_long(house):
    await settle(house)
    clock = Clock()
    survey = Watched(house.storage.inner.abilities.survey)
    idle = Idle(clock, lambda: False, 1.0)
    walk = Scanner(house.storage.index, survey, house.storage.observer, idle, Measure(2.0, 1, 1))

    async def run(seconds: float):
        survey.calls.clear()
        looks: list[float] = []
        survey.then = lambda: looks.append(clock.seconds() - begin)
        begin = clock.seconds()
        walking = Deferred.fromCoroutine(walk.run(seconds))
        while not walking.called:
            await pass_by(house, walking, clock, 0.25)
        return await walking, looks

    found, looks = await run(40.0)
    assert not found.late
    # Eight folders known from the last pass over 80 % of the time.
    assert looks == pytest.approx([at * 4 for at in range(8)], abs=0.3)
    with capturedLogs() as logs:
        found, looks = await run(1.0)
        await run(1.0)
    assert found.late
    (said,) = [event for event in logs if "scan_rate" in event["log_format"]]
    assert (said["space"], said["folders"], said["seconds"]) == ("home$alice", 8, 1.0)
    assert all(at >= number / 2 for number, at in enumerate(looks))


@pytest_twisted.ensureDeferred
async def test_it_waits_while_the_gateway_is_busy_but_not_for_ever(house):
    await settle(house)
    clock = Clock()
    busy = True
    survey = Watched(house.storage.inner.abilities.survey)
    walk = Scanner(house.storage.index, survey, house.storage.observer, Idle(clock, lambda: busy, 10.0), Measure(0, 1, 1))

    walking = Deferred.fromCoroutine(walk.run(0.0))
    await pass_by(house, walking, clock, 9)
    assert survey.seen == []
    await pass_by(house, walking, clock, 2)
    assert survey.seen == [""]
    await pass_by(house, walking, clock, 10)
    assert survey.seen == ["", "a"]
    busy = False
    while not walking.called:
        await pass_by(house, walking, clock, 0.1)
    assert len(survey.seen) == 8
    await walking
    assert ROOT in survey.seen
