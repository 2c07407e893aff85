"""How old answers may be, and when somebody looks."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from clawgate.errors import StorageUnavailable
from clawgate.index.coverage import KEPT, PATIENCE, Coverage
from clawgate.index.freshness import Freshness, Way
from clawgate.index.rounds import SHARE, Rounds, Turns
from clawgate.interfaces import Hint
from clawgate.model.path import ROOT, Path


class Facts:
    def __init__(self) -> None:
        self.now = 1000.0
        self.oldest: float | None = None
        self.rest = False

    def freshness(self, way: Way, known: float | None = None) -> Freshness:
        return Freshness(way, lambda: self.now, known, lambda: self.oldest, lambda: self.rest)


def test_walking_bounds_the_age_by_when_the_last_walk_began() -> None:
    facts = Facts()
    fresh = facts.freshness(Way.SCAN)
    assert fresh.entered is None
    facts.now = 1010
    assert fresh.bound == 10
    fresh.walked(1005, whole=True)
    assert (fresh.bound, fresh.entered) == (5, 1005)
    facts.now = 1100
    assert fresh.bound == 95
    assert fresh.needs_whole and fresh.rest


def test_what_an_earlier_process_knew_counts() -> None:
    facts = Facts()
    fresh = facts.freshness(Way.WATCH, known=300)
    assert fresh.bound == 300
    fresh.told()
    assert fresh.bound == 300, "nobody knows what happened in between"
    fresh.walked(999, whole=True)
    assert fresh.bound == 1, "it began before the storage told"
    facts.now = 1002
    fresh.walked(1001, whole=True)
    assert fresh.bound == 0


def test_what_is_told_is_as_old_as_the_oldest_hint() -> None:
    facts = Facts()
    fresh = facts.freshness(Way.WATCH)
    fresh.told()
    fresh.walked(1000, whole=True)
    facts.now = 1500
    assert fresh.bound == 0
    facts.oldest = 1490
    assert fresh.bound == 10
    facts.oldest, facts.rest = None, True
    assert fresh.bound == 500, "what nobody tells of was walked then"
    fresh.walked(1480, whole=False)
    assert fresh.bound == 20


def test_after_a_loss_the_whole_is_in_doubt() -> None:
    facts = Facts()
    fresh = facts.freshness(Way.WATCH)
    fresh.told()
    fresh.walked(1000, whole=True)
    facts.now = 1500
    fresh.lost()
    facts.now = 1510
    assert (fresh.bound, fresh.needs_whole, fresh.rest) == (10, True, True)
    fresh.told()
    fresh.walked(1490, whole=True)
    assert fresh.needs_whole
    fresh.walked(1510, whole=True)
    assert (fresh.bound, fresh.needs_whole) == (0, False)


@attrs.frozen
class Pass:
    started: float


@attrs.define
class Walker:
    """Each walk takes as long as it may, or `quick` seconds."""

    clock: Clock
    quick: float = 0.0
    walks: list[tuple[float, float, bool]] = attrs.field(factory=list)
    """When it began, the seconds it was given, whether it was a whole one."""
    failure: Exception | None = None
    resumed: float | None = None

    async def run(self, seconds: float, wanted: Callable[[Path], bool] | None = None) -> Pass:
        began = self.clock.seconds()
        self.walks.append((began, seconds, wanted is None))
        if self.failure is not None:
            raise self.failure
        await deferLater(self.clock, seconds or self.quick)
        started, self.resumed = self.resumed, None
        return Pass(began if started is None else started)


class World:
    def __init__(self, way: Way = Way.SCAN, passes: int = 2, idle: float = 900.0, full: float = 0.0) -> None:
        self.clock = Clock()
        self.rest = False
        self.oldest: float | None = None
        self.turns = Turns(passes)
        self.walker = Walker(self.clock)
        self.freshness = Freshness(way, self.clock.seconds, None, lambda: self.oldest, lambda: self.rest)
        self.idle, self.full = idle, full
        self.rounds = self.make(self.walker)

    def make(self, walker: Walker) -> Rounds:
        return Rounds(
            "home$alice",
            walker,
            self.freshness,
            self.turns,
            self.clock,
            untold=lambda path: True,
            staleness_max=60.0,
            idle=self.idle,
            full=self.full,
            now=self.clock.seconds,
        )

    def go(self, seconds: float, *, used: bool = True) -> float:
        """Let time pass; returns the greatest bound."""
        worst = 0.0
        for _ in range(round(seconds * 2)):
            self.clock.advance(0.5)
            if used:
                self.rounds.used()
            worst = max(worst, self.freshness.bound)
        return worst


def test_walks_follow_each_other_so_that_nothing_is_older_than_allowed() -> None:
    world = World()
    world.rounds.start()
    world.go(60)
    assert world.go(600) <= 60.0
    assert 22 <= len(world.walker.walks) <= 26
    assert all(seconds == 60 * SHARE and whole for _, seconds, whole in world.walker.walks)


def test_nobody_looks_where_nobody_asks() -> None:
    world = World(idle=100)
    world.rounds.start()
    world.go(300, used=False)
    walks = len(world.walker.walks)
    assert world.rounds.idle
    world.go(1000, used=False)
    assert len(world.walker.walks) == walks
    world.rounds.used()
    world.clock.advance(0)
    assert len(world.walker.walks) == walks + 1, "at once when somebody asks again"
    world.go(60)
    assert world.freshness.bound <= 60


def test_what_is_told_of_is_walked_once_a_day() -> None:
    world = World(Way.WATCH, full=86400)
    world.freshness.told()
    world.rounds.start()
    world.go(100)
    assert len(world.walker.walks) == 1
    assert world.go(86000) == 0.0
    assert len(world.walker.walks) == 1
    world.go(1000)
    assert [whole for *_, whole in world.walker.walks] == [True, True]
    world.rest = True
    world.go(200)
    assert not world.walker.walks[-1][2], "only what nobody tells of"


def test_what_was_missed_is_looked_for_at_once() -> None:
    world = World(Way.WATCH)
    world.freshness.told()
    world.rounds.start()
    world.go(5)
    world.freshness.lost()
    world.freshness.told()
    world.walker.resumed = 0.0
    world.rounds.hurry()
    world.clock.advance(0)
    urgent = (5.0, 0.0, True)
    assert world.walker.walks[1:] == [urgent, urgent], "the slow one was cut short, its end is not enough"
    assert not world.freshness.needs_whole
    assert world.freshness.bound == 0


def test_a_storage_that_fails_is_asked_again() -> None:
    world = World()
    world.walker.failure = StorageUnavailable("not now")
    world.rounds.start()
    world.go(1000)
    assert 15 < len(world.walker.walks) < 25
    world.walker.failure = None
    world.go(120)
    assert world.freshness.bound <= 60


def test_many_spaces_take_turns() -> None:
    world = World(passes=2)
    walkers = [Walker(world.clock) for _ in range(6)]
    many = [world.make(walker) for walker in walkers]
    for one in many:
        one.start()
    for _ in range(400):
        world.clock.advance(0.5)
    assert {len(walker.walks) > 4 for walker in walkers} == {True}
    busy = [(began, began + seconds) for walker in walkers for began, seconds, _ in walker.walks]
    for began, _ in busy:
        assert sum(start <= began < end for start, end in busy) <= 2
    assert all(seconds == pytest.approx(60 * SHARE / 3) for walker in walkers for _, seconds, _ in walker.walks[1:])


class Folder:
    is_folder = True

    def __init__(self, learned: bool) -> None:
        self.learned = learned


class Tree:
    """Folders by path, and whether they are learned."""

    def __init__(self, **folders: bool) -> None:
        self.folders = {Path(name.replace("_", "/")): learned for name, learned in folders.items()}
        self.disturbed: list[Path] = []

    async def chain(self, path: Path) -> tuple[list[Folder], list[str]]:
        if path in self.folders:
            self.asked = path
            return [Folder(self.folders[path])], []
        return [], [path]

    def disturb(self, folder: Folder) -> None:
        self.disturbed.append(self.asked)

    def disturb_all(self) -> None:
        self.disturbed.append(ROOT)

    async def folder_names(self, folder: Folder) -> list[str]:
        return [path.rpartition("/")[2] for path in self.folders if path.rpartition("/")[0] == self.asked and path != self.asked]

    async def all_folders(self, page: int):
        paths = list(self.folders)
        for start in range(0, len(paths), page):
            yield paths[start : start + page]


class Covered:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.refused: set[str] = set()
        self.calls: list[list[str]] = []
        self.hints: list[Hint] = []
        self.now = 1000.0
        self.lost = 0
        self.broken = False
        self.coverage = Coverage("home$alice", tree, self.cover, self.hints.extend, lambda: self.now, self.lose)

    def lose(self) -> None:
        self.lost += 1

    async def cover(self, folders):
        self.calls.append(list(folders))
        if self.broken:
            raise StorageUnavailable("no threads")
        return [folder for folder in folders if folder in self.refused]

    def begin(self) -> None:
        Deferred.fromCoroutine(self.coverage.begin())


def test_folders_are_covered_and_the_rest_is_known() -> None:
    world = Covered(Tree(a=True, b=True, a_c=False))
    assert world.coverage.untold(Path("a")), "nobody has asked yet"
    world.refused.add("b")
    world.begin()
    assert world.calls == [[""], ["a", "b", "a/c"]]
    assert [world.coverage.untold(Path(path)) for path in ("a", "b", "a/c")] == [False, True, False]
    assert not world.coverage.complete
    assert world.hints == [], "a walk follows"


def test_a_new_folder_is_covered_before_it_is_read_or_read_again() -> None:
    world = Covered(Tree(a=True))
    world.begin()
    world.tree.folders[Path("new")] = False
    world.tree.folders[Path("quick")] = True
    world.coverage.found([Path("new"), Path("quick"), Path("gone")])
    assert world.calls == [[""], ["a"], ["new", "quick"]]
    assert world.hints == [Hint(Path("quick"))], "somebody was quicker"
    assert world.tree.disturbed == [ROOT, "new"], "who has read it before it was covered has to read it again"
    assert world.coverage.complete


def test_what_is_listed_is_covered_when_there_is_room_by_then() -> None:
    world = Covered(Tree(a=True, b=True))
    world.refused.add("b")
    world.begin()
    del world.calls[:]
    for path in ("a", "b", "b", "elsewhere"):
        world.coverage.listed(Path(path))
    assert world.calls == [["b"]], "that is not known, and asked for once"
    assert world.hints == [], "it is walked as it was"
    world.refused.clear()
    world.coverage.listed(Path("b"))
    assert not world.coverage.complete, "not again so soon"
    world.now += PATIENCE
    world.coverage.listed(Path("b"))
    assert world.coverage.complete
    assert world.hints == [Hint(Path("b"))], "what changed until then"
    world.coverage.listed(Path("b"))
    assert world.calls == [["b"], ["b"]]


def test_what_came_from_elsewhere_is_covered_with_all_below() -> None:
    world = Covered(Tree(a=True))
    world.begin()
    world.tree.folders |= {Path("here"): True, Path("here/b"): True, Path("here/b/c"): True}
    world.coverage.found([Path("here")], deep=True)
    assert [hint.folder for hint in world.hints] == ["here", "here/b", "here/b/c"]


def test_what_cannot_be_covered_is_walked_and_what_is_below_begins_anew() -> None:
    world = Covered(Tree(a=True))
    world.begin()
    world.broken = True
    world.tree.folders |= {Path("new"): False, Path("here"): True, Path("here/b"): True}
    world.coverage.found([Path("new")])
    assert (world.coverage.untold(Path("new")), world.lost) == (True, 0)
    world.coverage.found([Path("here")], deep=True)
    assert (world.coverage.untold(Path("here")), world.lost) == (True, 1)


def test_where_most_is_untold_all_is_walked() -> None:
    world = Covered(Tree(a=True))
    world.begin()
    world.coverage.left([Path(str(number)) for number in range(KEPT + 1)])
    assert world.coverage.untold(Path("a"))
    assert not world.coverage.complete
    world.begin()
    assert world.coverage.complete


def test_folders_that_are_gone_are_not_walked_for_ever() -> None:
    world = Covered(Tree(a=True, b=True))
    world.refused.add("b")
    world.begin()
    del world.tree.folders[Path("b")]
    Deferred.fromCoroutine(world.coverage.forget_gone())
    assert world.coverage.complete


def test_more_may_be_untold_while_it_is_seen_what_is_gone() -> None:
    world = Covered(Tree(a=True, b=True))
    world.refused |= {"a", "b"}
    world.begin()
    find = world.coverage._find

    async def found(path: Path) -> bool | None:
        world.coverage.left([Path("c")])
        return await find(path)

    world.coverage._find = found
    outcome = Deferred.fromCoroutine(world.coverage.forget_gone())
    assert outcome.called and outcome.result is None
    assert world.coverage.untold(Path("c"))
