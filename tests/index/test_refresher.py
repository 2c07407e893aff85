"""Following what a storage tells: gathered, bounded, and never lost without anybody knowing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from clawgate.errors import NotFound, StorageUnavailable
from clawgate.index.coverage import Coverage
from clawgate.index.hints import KEPT, MANY, Hints, Task
from clawgate.index.refresher import ON_ITS_WAY, Refresher, Tally
from clawgate.interfaces import Hint
from clawgate.model.content import Intent
from clawgate.model.path import ROOT, Path
from clawgate.state.engine import Connection


def always(folder: Path, name: str) -> float:
    return 0.0


class Folder:
    def __init__(self, learned: bool = True) -> None:
        self.learned = learned


class Looks:
    """Notes what is looked at."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.failure: dict[str, Exception] = {}
        self.unlearned: set[str] = set()
        self.disturbed: list[bool] = []
        self.gone: set[str] = set()
        self.hanging: Deferred[None] | None = None

    async def folder(self, path: Path) -> Folder:
        if path in self.gone:
            raise NotFound("gone")
        return Folder(path not in self.unlearned)

    def disturb(self, folder: Folder) -> None:
        self.disturbed.append(folder.learned)

    async def look(self, path: Path) -> None:
        await self._seen(path)

    async def scan(self, path: Path) -> None:
        await self._seen(f"{path}/")

    async def _seen(self, what: str) -> None:
        self.seen.append(what)
        if self.hanging is not None:
            await self.hanging
        if what in self.failure:
            raise self.failure[what]


class World:
    def __init__(self, limit: int = 1000, busy: float = 0.5) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.looks = Looks()
        self.delays: list[float] = []
        self.tally = Tally(self.delays.append)
        self.lost = 0
        self.moved: list[str] = []
        self.checked = 0
        self.refresher = Refresher(
            "home$alice",
            self.looks,
            self.clock,
            self.tally,
            self._lost,
            self.moved.extend,
            self._before,
            debounce=0.1,
            busy=busy,
            limit=limit,
        )

    def _lost(self) -> None:
        self.lost += 1

    def _before(self) -> Deferred[None]:
        self.checked += 1
        return succeed(None)

    def tell(self, *hints: tuple[str, str]) -> None:
        self.refresher.report([Hint(Path(folder), name) for folder, name in hints])

    def pass_(self, seconds: float) -> list[str]:
        """What is looked at within so many seconds."""
        before = len(self.looks.seen)
        for _ in range(round(seconds * 20)):
            self.clock.advance(0.05)
        return self.looks.seen[before:]


def test_hints_are_gathered_each_once() -> None:
    hints = Hints(100)
    for _ in range(3):
        assert hints.add(Hint(Path("b"), "x"), 5.0)
    hints.add(Hint(Path("b"), "y"), 6.0)
    hints.add(Hint(Path("a")), 7.0)
    assert (len(hints), hints.oldest) == (3, 5.0)
    assert hints.take(9.0, always) == ([Task(Path("a"), (), 7.0), Task(Path("b"), ("x", "y"), 5.0)], None)
    assert (len(hints), hints.oldest) == (0, None)


def test_many_names_are_one_look_at_their_folder() -> None:
    hints = Hints(10000)
    for number in range(MANY + 1):
        hints.add(Hint(Path("a"), str(number)), 5.0 + number)
    for number in range(KEPT + 50):
        hints.add(Hint(Path("b"), str(number)), 7.0)
    assert len(hints) == MANY + 1 + 1
    assert hints.take(9.0, always) == ([Task(Path("a"), (), 5.0), Task(Path("b"), (), 7.0)], None)
    assert len(hints) == 0


def test_there_is_room_for_so_many_only() -> None:
    hints = Hints(10)
    assert [hints.add(Hint(Path(str(number)), "x"), 1.0) for number in range(10)] == [True] * 10
    assert not hints.add(Hint(Path("more"), "x"), 1.0)
    assert hints.add(Hint(Path("3"), "x"), 1.0)
    assert not hints.add(Hint(Path("3"), "y"), 1.0)


def test_what_is_busy_waits_and_the_rest_does_not() -> None:
    hints = Hints(10)
    hints.add(Hint(Path("a"), "busy"), 1.0)
    hints.add(Hint(Path("a"), "calm"), 2.0)

    def ready(folder: Path, name: str) -> float:
        return 8.0 if name == "busy" else 0.0

    assert hints.take(5.0, ready) == ([Task(Path("a"), ("calm",), 2.0)], 8.0)
    assert hints.take(8.0, ready) == ([Task(Path("a"), ("busy",), 1.0)], None)


def test_what_came_from_elsewhere_is_told_after_it_was_entered() -> None:
    world = World()
    world.refresher.report([Hint(Path("a"), "folder", True), Hint(Path("a"), "file")])
    assert world.pass_(1) == ["a/folder", "a/file"]
    assert world.moved == ["a/folder"]
    world.refresher.report([Hint(Path("a"), "other", True), *[Hint(Path("a"), str(number)) for number in range(KEPT + 1)]])
    assert world.pass_(1) == ["a/"]
    assert world.moved == ["a/folder", "a/other"]


def test_a_moment_is_waited_for_more() -> None:
    world = World()
    world.tell(("a", "x"))
    assert world.pass_(0.05) == []
    world.tell(("a", "y"), ("", "z"))
    assert world.pass_(0.1) == ["z", "a/x", "a/y"]
    assert world.tally.looks == 3
    assert world.checked == 1, "whether the storage went back in time was looked at before"
    assert all(delay <= 0.15 for delay in world.delays)


def test_a_file_that_is_being_written_is_looked_at_now_and_then() -> None:
    world = World(busy=0.5)
    seen = []
    for _ in range(100):
        world.tell(("a", "log"))
        seen += world.pass_(0.1)
    assert 15 <= len(seen) <= 21
    world.tell(("a", "other"))
    assert world.pass_(0.2).count("a/other") == 1
    assert world.pass_(1) == ["a/log"] or world.refresher.waiting == 0
    assert world.pass_(5) == []


def test_nobody_was_told_what_is_in_a_folder_that_was_never_listed() -> None:
    world = World()
    world.looks.unlearned.add("new")
    world.tell(("new", "x"), ("new", ""))
    assert world.pass_(1) == []
    assert world.refresher.waiting == 0
    assert world.looks.disturbed == [False], "but somebody may have read it just before"


def test_what_waits_goes_with_a_folder_that_we_move() -> None:
    world = World()
    world.tell(("a/b", "x"), ("a", ""), ("ab", "y"))
    world.refresher.renamed(Path("a"), Path("c"))
    world.refresher.renamed(Path("c/b"), Path("d"))
    world.looks.gone.update(("a", "a/b", "ab"))
    assert sorted(world.pass_(ON_ITS_WAY + 1)) == ["c/", "d/x"]
    world.tell(("a/b", "x"))
    assert world.pass_(1) == [], "it was told long after that"
    assert world.refresher.waiting == 0


def test_what_is_gone_is_done() -> None:
    world = World()
    world.looks.failure["a/x"] = NotFound("gone")
    world.tell(("a", "x"), ("a", "y"))
    assert world.pass_(1) == ["a/x", "a/y"]
    assert world.refresher.waiting == 0
    assert world.refresher.oldest is None


def test_a_storage_that_fails_is_asked_again_and_the_rest_goes_on() -> None:
    world = World()
    world.looks.failure["a/x"] = StorageUnavailable("not now")
    began = world.clock.seconds()
    world.tell(("a", "x"), ("b", "y"))
    assert world.pass_(0.2) == ["a/x", "b/y"]
    assert world.refresher.waiting == 1
    again = world.pass_(60)
    assert 3 < again.count("a/x") < 12, "with longer and longer pauses"
    assert world.refresher.oldest == began, "its age is that of the change"
    world.tell(("b", "z"))
    assert "b/z" in world.pass_(0.3), "others do not wait for it"
    del world.looks.failure["a/x"]
    assert world.pass_(61) == ["a/x"]
    assert world.refresher.waiting == 0
    assert world.lost == 0


def test_with_a_storage_that_is_down_nothing_is_lost() -> None:
    world = World()
    for number in range(8):
        world.looks.failure[f"{number}/x"] = StorageUnavailable("down")
    world.tell(*[(str(number), "x") for number in range(8)])
    assert len(world.pass_(0.2)) == 3
    assert world.refresher.waiting == 8
    world.looks.failure.clear()
    assert sorted(world.pass_(61)) == [f"{number}/x" for number in range(8)]


def test_too_many_are_a_walk() -> None:
    world = World(limit=10)
    world.tell(*[(str(number), "x") for number in range(11)])
    assert (world.lost, world.tally.lost, world.refresher.waiting) == (1, 1, 0)
    assert world.pass_(1) == []
    world.tell(("a", "x"))
    assert world.pass_(1) == ["a/x"]


def test_a_mistake_of_ours_is_a_walk() -> None:
    world = World()
    world.looks.failure["a/x"] = RuntimeError("a mistake")
    world.tell(("a", "x"))
    world.pass_(0.2)
    assert world.lost == 1


def test_news_of_what_is_just_being_looked_at_count() -> None:
    world = World(busy=0.0)
    world.looks.hanging = Deferred()
    world.tell(("a", "x"))
    assert world.pass_(0.2) == ["a/x"]
    world.tell(("a", "x"))
    assert world.pass_(5) == []
    hanging, world.looks.hanging = world.looks.hanging, None
    hanging.callback(None)
    assert world.pass_(1) == [], "what takes long to look at may rest longer"
    assert world.pass_(30) == ["a/x"]


@pytest_twisted.ensureDeferred
async def test_after_the_end_nothing_is_looked_at() -> None:
    world = World()
    world.tell(("a", "x"))
    await world.refresher.stop()
    world.tell(("a", "y"))
    assert world.pass_(1) == []


@pytest_twisted.ensureDeferred
async def test_a_look_under_way_does_not_keep_it_from_ending() -> None:
    world = World()
    world.looks.hanging = Deferred()
    world.tell(("a", "x"))
    assert world.pass_(1) == ["a/x"]
    await world.refresher.stop()
    world.tell(("a", "y"))
    assert world.pass_(1) == []


@pytest.mark.parametrize("refuse", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_space_of_which_nothing_is_known_is_covered(refuse: bool) -> None:
    asked: list[Path] = []
    disturbed: list[int] = []

    class Index:
        def disturb_all(self) -> None:
            disturbed.append(len(asked))

        async def all_folders(self, count: int) -> AsyncIterator[list[Path]]:
            for page in list[list[Path]]():
                yield page

    async def cover(folders: Sequence[Path]) -> Sequence[Path]:
        asked.extend(folders)
        return folders if refuse else []

    coverage = Coverage("home$alice", Index(), cover, print)  # type: ignore[arg-type]
    await coverage.begin()
    assert (asked, coverage.complete, coverage.untold(ROOT)) == ([ROOT], not refuse, refuse)
    assert disturbed == [1], "what was read before it was covered may be old"


@pytest_twisted.ensureDeferred
async def test_covering_does_not_keep_it_from_ending() -> None:
    reported: list[Sequence[Hint]] = []
    asked: list[Path] = []

    class Index:
        async def chain(self, path: Path) -> tuple[list[Folder], list[str]]:
            asked.append(path)
            await Deferred()
            raise AssertionError

    coverage = Coverage("home$alice", Index(), None, reported.append)  # type: ignore[arg-type]
    coverage.found([Path("a")], deep=True)
    await coverage.stop()
    assert (asked, reported) == ([Path("a")], [])


async def journal(house) -> int:
    def count(connection: Connection) -> int:
        # What comes to one place leaves another one.
        return int(connection.raw.execute("SELECT count(*) FROM index_change WHERE kind <> 'leave'").fetchone()[0])

    return await house.database.read(count)


@pytest_twisted.ensureDeferred
async def test_our_own_changes_are_not_counted_twice(house) -> None:
    """Each is one row of the journal and one etag of the root, also if the hint is worked off between the two halves of it."""
    storage = house.storage
    await storage.list(ROOT)
    await storage.make_folder(Path("a"))
    await storage.make_folder(Path("b"))

    async def body():
        yield b"content"

    def left() -> set[str]:
        return {os.path.relpath(entry, house.root) for entry in house.root.rglob("*")}

    async def put() -> None:
        await storage.write(Path("a/file"), body(), Intent(size=7))

    async def mkdir() -> None:
        await storage.make_folder(Path("a/folder"))

    async def move() -> None:
        await storage.move(Path("a/file"), Path("b/file"), replace=False)

    async def remove() -> None:
        await storage.remove(Path("b/file"))

    async def overtaken(entering, act, *paths: str) -> None:
        """`act`, with looks at `paths` after the storage was changed and before the index is."""
        original = getattr(storage.index, entering)

        async def first(*args, **kwargs):
            setattr(storage.index, entering, original)
            storage.index.lock._release()
            try:
                for path in paths:
                    try:
                        await storage.observer.look(Path(path))
                    except NotFound:
                        continue
            finally:
                await storage.index.lock.__aenter__()
            return await original(*args, **kwargs)

        setattr(storage.index, entering, first)
        await act()

    for act, entering, before, paths in (
        (put, "enter", ["a/file"], ["a/file"]),
        (mkdir, "enter", ["a/folder"], ["a/folder"]),
        (move, "transplant", ["b/file", "a/file"], ["a/file", "b/file"]),
        (remove, "enter", ["b/file"], ["b/file"]),
    ):
        rows = await journal(house)
        etag = (await storage.stat(ROOT)).etag
        await overtaken(entering, act, *before)
        moved = (await storage.stat(ROOT)).etag
        assert moved != etag, act
        assert await journal(house) == rows + 1, act
        for path in paths:
            try:
                await storage.observer.look(Path(path))
            except NotFound:
                assert path not in left()
        assert (await storage.stat(ROOT)).etag == moved, act
        assert await journal(house) == rows + 1, act


@pytest_twisted.ensureDeferred
async def test_an_interrupted_change_of_ours_is_looked_at(house) -> None:
    storage = house.storage
    await storage.make_folder(Path("a"))
    told: list[str] = []
    storage.unsure = told.extend

    async def body():
        yield b"content"

    async def broken(*args, **kwargs):
        raise StorageUnavailable("the index does not answer")

    with pytest.raises(NotFound):
        await storage.remove(Path("a/nothing"))
    assert told == [], "a refusal leaves nothing to doubt"
    storage.index.enter = broken
    with pytest.raises(StorageUnavailable):
        await storage.write(Path("a/file"), body(), Intent(size=7))
    assert told == ["a/file"]
    del storage.index.enter
    etag = (await storage.stat(ROOT)).etag
    await storage.observer.look(Path("a/file"))
    assert (await storage.stat(ROOT)).etag != etag
