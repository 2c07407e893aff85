from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import attrs
import pytest
import pytest_twisted
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule, run_state_machine_as_test
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import Clock
from twisted.internet.threads import blockingCallFromThread, deferToThread

from clawgate.errors import Forbidden, Locked, LockMismatch, PreconditionFailed
from clawgate.gateway.locks import Lock, Locks
from clawgate.model.path import Path
from clawgate.settings import Dav
from clawgate.state.engine import Database
from clawgate.state.locks import StoredLocks
from clawgate.state.schema import SCHEMA
from clawgate.workers import Workers

SETTINGS = Dav(lock_timeout=1000, locks_per_user=20)
A, AB, ABC, AX, X = (Path(text) for text in ("a", "a/b", "a/b/c", "ax", "x"))
TOP = Path("")


class House:
    """A state in a database, and the locks of a process that can be started anew."""

    def __init__(self, url: str, workers: Workers) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.database = Database(url, workers, SCHEMA, synchronous="NORMAL")

    async def open(self) -> Locks:
        await self.database.start()
        locks = Locks(StoredLocks(self.database), SETTINGS, self.clock.seconds)
        await locks.load()
        return locks

    async def restart(self) -> Locks:
        await self.database.stop()
        return await self.open()


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(reactor, "state", threads=2, queue=1000)  # type: ignore[arg-type]
    workers.start()
    yield workers
    workers.stop()


@pytest.fixture
def house(database_url: str, workers: Workers) -> Iterator[House]:
    house = House(database_url, workers)
    yield house
    pytest_twisted.blockon(Deferred.fromCoroutine(house.database.stop()))


async def lock(locks: Locks, path: Path, user: str = "ada", **options: Any) -> Lock:
    options = {"deep": True, "exclusive": True, "owner_xml": "", "timeout": None} | options
    return await locks.create(user, "s", path, **options)


@pytest_twisted.ensureDeferred
async def test_nothing_is_locked_at_first(house: House) -> None:
    locks = await house.open()
    locks.check("ada", "s", A, frozenset(), deep=True, member=True)
    assert (locks.covering("s", A), locks.any("s"), locks.version("s")) == ([], False, 0)
    await locks.forget("s", A)


@pytest_twisted.ensureDeferred
async def test_a_lock_is_what_was_asked_for(house: House) -> None:
    locks = await house.open()
    made = await lock(locks, AB, deep=False, owner_xml="<D:owner>ä</D:owner>", timeout=60)
    assert made.token.startswith("opaquelocktoken:") and len(made.token) == 16 + 36
    assert made == Lock(made.token, "s", AB, False, True, "<D:owner>ä</D:owner>", "ada", 60, 1_000_000, 1_000_060)
    assert locks.covering("s", AB) == [made]
    assert locks.covering("other", AB) == []


@pytest.mark.parametrize("asked, granted", [(None, 1000), (10**10, 1000), (1000, 1000), (7, 7), (0, 1), (-5, 1)])
@pytest_twisted.ensureDeferred
async def test_the_timeout_is_cut_to_what_the_settings_allow(house: House, asked: int | None, granted: int) -> None:
    locks = await house.open()
    made = await lock(locks, A, timeout=asked)
    assert (made.timeout, made.expires) == (granted, 1_000_000 + granted)
    renewed = await locks.refresh("ada", made.token, "s", A, asked)
    assert (renewed.timeout, renewed.expires) == (granted, 1_000_000 + granted)


@pytest_twisted.ensureDeferred
async def test_locks_survive_a_restart(house: House) -> None:
    locks = await house.open()
    made = [
        await lock(locks, TOP, deep=False, owner_xml="<o/>"),
        await lock(locks, AB, exclusive=False, timeout=5),
        await lock(locks, AB, "bob", exclusive=False, timeout=500),
        await lock(locks, X, timeout=100),
    ]
    made[3] = await locks.refresh("ada", made[3].token, "s", X, 700)
    gone = await lock(locks, AX)
    await locks.release("ada", gone.token, "s", AX)
    house.clock.advance(5)
    locks = await house.restart()
    assert [locks.covering("s", path) for path in (TOP, AB, X, AX)] == [[made[0]], [made[2]], [made[3]], []]
    house.clock.advance(-5)
    locks = await house.restart()
    assert locks.covering("s", AB) == [made[2]], "what had expired was thrown away"


@pytest_twisted.ensureDeferred
async def test_covering_and_below_go_by_segments(house: House) -> None:
    locks = await house.open()
    deep, shallow = await lock(locks, A, exclusive=False), await lock(locks, A, "bob", exclusive=False, deep=False)
    inner = await lock(locks, ABC, exclusive=False)
    assert locks.covering("s", A) == [deep, shallow]
    assert locks.covering("s", AB) == [deep]
    assert locks.covering("s", ABC) == [deep, inner]
    assert locks.covering("s", AX) == locks.covering("s", TOP) == []


@pytest_twisted.ensureDeferred
async def test_the_owner_needs_the_token_and_others_cannot_use_it(house: House) -> None:
    locks = await house.open()
    made = await lock(locks, A)
    for user, tokens in (("ada", ()), ("bob", ()), ("bob", (made.token,)), ("ada", ("opaquelocktoken:other",))):
        for path in (A, AB, ABC):
            with pytest.raises(Locked, match=r"^a is locked by ada$") as caught:
                locks.check(user, "s", path, frozenset(tokens))
            assert caught.value.root == "a"
    locks.check("ada", "s", ABC, frozenset([made.token]))
    locks.check("bob", "s", AX, frozenset())
    locks.check("bob", "s", TOP, frozenset())


@pytest_twisted.ensureDeferred
async def test_deep_changes_meet_the_locks_below(house: House) -> None:
    locks = await house.open()
    first, second = await lock(locks, AB), await lock(locks, Path("a/c/d"), "bob")
    locks.check("eve", "s", A, frozenset())
    for user in ("ada", "bob"):
        with pytest.raises(Locked):
            locks.check(user, "s", A, frozenset([first.token, second.token]), deep=True)
    await locks.release("bob", second.token, "s", Path("a/c/d"))
    locks.check("ada", "s", A, frozenset([first.token]), deep=True)


@pytest_twisted.ensureDeferred
async def test_a_depth_0_lock_on_a_folder_protects_the_names_in_it(house: House) -> None:
    locks = await house.open()
    made = await lock(locks, A, deep=False)
    locks.check("bob", "s", AB, frozenset())
    with pytest.raises(Locked):
        locks.check("bob", "s", AB, frozenset(), member=True)
    locks.check("ada", "s", AB, frozenset([made.token]), member=True)
    locks.check("bob", "s", ABC, frozenset(), member=True)
    top = await lock(locks, TOP, deep=False)
    with pytest.raises(Locked, match=r"^the whole space is locked"):
        locks.check("bob", "s", X, frozenset(), member=True)
    locks.check("ada", "s", X, frozenset([top.token]), member=True)


@pytest_twisted.ensureDeferred
async def test_any_of_the_shared_locks_will_do(house: House) -> None:
    locks = await house.open()
    ada, bob = [await lock(locks, A, user, exclusive=False) for user in ("ada", "bob")]
    locks.check("ada", "s", AB, frozenset([ada.token]))
    locks.check("bob", "s", AB, frozenset([bob.token]))
    for user, token in (("ada", bob.token), ("eve", ada.token)):
        with pytest.raises(Locked):
            locks.check(user, "s", AB, frozenset([token]))


@pytest_twisted.ensureDeferred
async def test_what_only_the_deep_one_protects_needs_its_token(house: House) -> None:
    locks = await house.open()
    deep, shallow = [await lock(locks, A, "ada", exclusive=False, deep=deep) for deep in (True, False)]
    locks.check("ada", "s", A, frozenset([shallow.token]))
    locks.check("ada", "s", A, frozenset([deep.token]), deep=True)
    with pytest.raises(Locked):
        locks.check("ada", "s", A, frozenset([shallow.token]), deep=True)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("new", [True, False])
@pytest_twisted.ensureDeferred
async def test_conflicts(house: House, there: bool, new: bool) -> None:
    """The table of RFC 4918 6.1, on the resource itself, above and below. The same user is no exception."""
    locks = await house.open()
    made = await lock(locks, AB, exclusive=there)
    conflict = there or new
    for path, deep in ((AB, False), (ABC, False), (A, True), (TOP, True)):
        if conflict:
            with pytest.raises(Locked) as caught:
                await lock(locks, path, deep=deep, exclusive=new)
            assert caught.value.root == AB
        else:
            other = await lock(locks, path, deep=deep, exclusive=new)
            await locks.release("ada", other.token, "s", path)
    for path, deep in ((A, False), (AX, True), (Path("a/bb"), True)):
        await lock(locks, path, deep=deep, exclusive=new)
    assert locks.covering("s", AB) == [made]


@pytest_twisted.ensureDeferred
async def test_only_one_of_two_that_lock_at_the_same_time_wins(house: House) -> None:
    locks = await house.open()
    tries = [Deferred.fromCoroutine(lock(locks, A, user)) for user in ("ada", "bob")]
    (won, made), (lost, failure) = await DeferredList(tries, consumeErrors=True)
    assert (won, lost) == (True, False)
    assert failure.check(Locked)
    assert locks.covering("s", A) == [made]


@pytest_twisted.ensureDeferred
async def test_a_lock_that_could_not_be_stored_is_none(house: House) -> None:
    locks = await house.open()
    await house.database.write(lambda c: c.raw.execute("ALTER TABLE lock RENAME TO mislaid"))
    with pytest.raises(Exception, match=r"no such table|does not exist"):
        await lock(locks, A)
    await house.database.write(lambda c: c.raw.execute("ALTER TABLE mislaid RENAME TO lock"))
    assert not locks.any("s")
    await lock(locks, A)


@pytest_twisted.ensureDeferred
async def test_a_cancelled_request_leaves_no_lock(house: House) -> None:
    locks = await house.open()
    waiting = Deferred.fromCoroutine(lock(locks, A))
    waiting.addErrback(lambda _: None)
    waiting.cancel()
    await waiting
    assert not locks.any("s")
    await lock(locks, X)
    assert not (await house.restart()).covering("s", A)


@pytest_twisted.ensureDeferred
async def test_refresh(house: House) -> None:
    locks = await house.open()
    made = await lock(locks, A, timeout=100)
    house.clock.advance(99)
    before = locks.version("s")
    renewed = await locks.refresh("ada", made.token, "s", ABC, 200)
    assert renewed == attrs.evolve(made, timeout=200, expires=1_000_299)
    assert locks.version("s") > before
    house.clock.advance(199)
    assert locks.covering("s", A) == [renewed]
    with pytest.raises(Forbidden):
        await locks.refresh("bob", made.token, "s", A, None)
    for token, space, path in ((made.token, "s", AX), (made.token, "t", A), ("opaquelocktoken:x", "s", A)):
        with pytest.raises(PreconditionFailed):
            await locks.refresh("ada", token, space, path, None)
    house.clock.advance(1)
    with pytest.raises(PreconditionFailed):
        await locks.refresh("ada", made.token, "s", A, None)


@pytest.mark.parametrize("first", ["refresh", "release"])
@pytest_twisted.ensureDeferred
async def test_refresh_and_release_at_the_same_time(house: House, first: str) -> None:
    locks = await house.open()
    made = await lock(locks, A, timeout=100)
    calls: dict[str, Callable[[], Any]] = {
        "refresh": lambda: locks.refresh("ada", made.token, "s", A, None),
        "release": lambda: locks.release("ada", made.token, "s", A),
    }
    order = sorted(calls, key=lambda name: name != first)
    await DeferredList([Deferred.fromCoroutine(calls[name]()) for name in order], consumeErrors=True)
    assert not locks.any("s")
    assert not (await house.restart()).any("s")


@pytest_twisted.ensureDeferred
async def test_release(house: House) -> None:
    locks = await house.open()
    deep, shallow = await lock(locks, A), await lock(locks, X, deep=False)
    with pytest.raises(Forbidden):
        await locks.release("bob", deep.token, "s", A)
    wrong = [
        (deep.token, "s", X),
        (deep.token, "t", A),
        (deep.token, "s", TOP),
        (shallow.token, "s", Path("x/y")),
        ("opaquelocktoken:x", "s", A),
    ]
    for token, space, path in wrong:
        with pytest.raises(LockMismatch):
            await locks.release("ada", token, space, path)
    await locks.release("ada", deep.token, "s", ABC)
    await locks.release("ada", shallow.token, "s", X)
    assert not locks.any("s")
    with pytest.raises(LockMismatch):
        await locks.release("ada", deep.token, "s", A)


@pytest_twisted.ensureDeferred
async def test_locks_go_with_what_is_deleted_or_moved_away(house: House) -> None:
    locks = await house.open()
    for path in (TOP, A, AB, ABC, AX):
        await lock(locks, path, deep=False)
    await locks.forget("s", AB)
    await locks.forget("s", Path("nothing/here"))
    for _ in range(2):
        assert [len(locks.covering("s", path)) for path in (TOP, A, AB, ABC, AX)] == [1, 1, 0, 0, 1]
        locks = await house.restart()
    await locks.forget("s", TOP)
    assert not locks.any("s")


@pytest_twisted.ensureDeferred
async def test_expiry(house: House) -> None:
    locks = await house.open()
    short, long = await lock(locks, A, timeout=10), await lock(locks, X, timeout=20)
    before = locks.version("s")
    house.clock.advance(10)
    assert locks.version("s") > before
    locks.check("bob", "s", A, frozenset())
    with pytest.raises(LockMismatch):
        await locks.release("ada", short.token, "s", A)
    await lock(locks, A, "bob", timeout=5)
    assert await locks.sweep(house.clock.seconds()) == 1
    assert locks.covering("s", X) == [long]
    house.clock.advance(100)
    assert await locks.sweep(house.clock.seconds()) == 2
    assert not locks.any("s")


@pytest_twisted.ensureDeferred
async def test_one_person_may_hold_only_so_many(house: House) -> None:
    locks = await house.open()
    made = [await lock(locks, Path(f"f{i}"), timeout=5 if i else 100) for i in range(20)]
    for _ in range(2):
        with pytest.raises(Forbidden, match="20 locks"):
            await lock(locks, A)
        locks = await house.restart()
    await lock(locks, A, "bob")
    await locks.release("ada", made[0].token, "s", Path("f0"))
    await lock(locks, X, timeout=100)
    house.clock.advance(5)
    await locks.sweep(house.clock.seconds())
    for i in range(19):
        await lock(locks, Path(f"g{i}"))
    with pytest.raises(Forbidden):
        await lock(locks, Path("g19"))


PATHS = [Path(text) for text in ("", "a", "a/b", "a/b/c", "a/bb", "ab", "ab/c", "x/y")]
USERS = ("ada", "bob")


def run(coroutine: Any) -> Any:
    """From Hypothesis's thread: everything happens in the reactor's."""
    return blockingCallFromThread(reactor, Deferred.fromCoroutine, coroutine)  # type: ignore[arg-type]


class LocksAgainstModel(RuleBasedStateMachine):
    """The model: a list of locks, searched from one end to the other, over all paths that there are."""

    workers: ClassVar[Workers]
    tokens = Bundle("tokens")
    paths = st.sampled_from(PATHS)
    users = st.sampled_from(USERS)

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.house = House(f"sqlite:///{self.folder.name}/state.db", self.workers)
        self.locks = run(self.house.open())
        self.model: list[Lock] = []

    def teardown(self) -> None:
        run(self.house.database.stop())
        self.folder.cleanup()

    @staticmethod
    def covers(lock: Lock, path: Path) -> bool:
        return lock.path == path or (lock.deep and (lock.path == "" or path.startswith(lock.path + "/")))

    def alive(self) -> list[Lock]:
        return [lock for lock in self.model if lock.expires > self.house.clock.seconds()]

    def find(self, token: str, path: Path) -> Lock | None:
        return next((lock for lock in self.alive() if lock.token == token and self.covers(lock, path)), None)

    @rule(target=tokens, path=paths, user=users, deep=st.booleans(), exclusive=st.booleans(), timeout=st.integers(1, 30))
    def create(self, path: Path, user: str, deep: bool, exclusive: bool, timeout: int) -> Any:
        scope = [p for p in PATHS if p == path or (deep and (not path or p.startswith(path + "/")))]
        conflict = any((exclusive or other.exclusive) and any(self.covers(other, p) for p in scope) for other in self.alive())
        full = sum(lock.user == user for lock in self.alive()) >= 20
        try:
            made = run(self.locks.create(user, "s", path, deep=deep, exclusive=exclusive, owner_xml="<o/>", timeout=timeout))
        except Locked as error:
            assert conflict
            assert error.root in [lock.path for lock in self.alive()]
            return multiple()
        except Forbidden:
            assert full and not conflict
            return multiple()
        assert not conflict and not full
        self.model.append(made)
        return made.token

    @rule(token=tokens, path=paths, user=users, timeout=st.integers(1, 30))
    def refresh(self, token: str, path: Path, user: str, timeout: int) -> None:
        known = self.find(token, path)
        try:
            renewed = run(self.locks.refresh(user, token, "s", path, timeout))
        except PreconditionFailed:
            assert known is None
        except Forbidden:
            assert known is not None and known.user != user
        else:
            assert known is not None and known.user == user
            assert renewed.expires == self.house.clock.seconds() + timeout
            self.model[self.model.index(known)] = renewed

    @rule(token=tokens, path=paths, user=users)
    def release(self, token: str, path: Path, user: str) -> None:
        known = self.find(token, path)
        try:
            run(self.locks.release(user, token, "s", path))
        except LockMismatch:
            assert known is None
        except Forbidden:
            assert known is not None and known.user != user
        else:
            assert known is not None and known.user == user
            self.model.remove(known)

    @rule(token=consumes(tokens))
    def release_rightly(self, token: str) -> None:
        for known in [lock for lock in self.alive() if lock.token == token]:
            run(self.locks.release(known.user, token, "s", known.path))
            self.model.remove(known)

    @rule(path=paths)
    def forget(self, path: Path) -> None:
        run(self.locks.forget("s", path))
        self.model = [lock for lock in self.model if path and lock.path != path and not lock.path.startswith(path + "/")]

    @rule(user=users, deep=st.booleans(), member=st.booleans())
    def check(self, user: str, deep: bool, member: bool) -> None:
        alive = self.alive()
        for tokens in [set(), {lock.token for lock in alive}, *({lock.token} for lock in alive)]:
            for path in PATHS:
                affected = {path}
                if member:
                    affected.add(Path(path.rpartition("/")[0]))
                if deep:
                    below = {path, *(p for p in PATHS if not path or p.startswith(path + "/"))}
                    # Locks know no tree: anywhere there may be something that only deep ones protect.
                    affected |= below | {Path(f"{p}/inside".lstrip("/")) for p in below}
                held = [[lock for lock in alive if self.covers(lock, p)] for p in affected]
                allowed = all(not some or any(lock.token in tokens and lock.user == user for lock in some) for some in held)
                try:
                    self.locks.check(user, "s", path, frozenset(tokens), deep=deep, member=member)
                except Locked:
                    assert not allowed
                else:
                    assert allowed

    @rule(seconds=st.integers(1, 15))
    def wait(self, seconds: int) -> None:
        self.house.clock.advance(seconds)

    @rule()
    def sweep(self) -> None:
        run(self.locks.sweep(self.house.clock.seconds()))

    @rule()
    def restart(self) -> None:
        self.locks = run(self.house.restart())

    @invariant()
    def every_path_shows_its_locks(self) -> None:
        for path in PATHS:
            shown = sorted(self.locks.covering("s", path), key=lambda lock: lock.token)
            assert shown == sorted((lock for lock in self.alive() if self.covers(lock, path)), key=lambda lock: lock.token)
        assert self.locks.any("s") == bool(self.alive())


@pytest_twisted.ensureDeferred
async def test_locks_behave_as_the_model(workers: Workers) -> None:
    LocksAgainstModel.workers = workers
    options = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    await deferToThread(run_state_machine_as_test, LocksAgainstModel, settings=options)


@pytest_twisted.ensureDeferred
async def test_locks_follow_what_others_have_moved(house: House) -> None:
    locks = await house.open()
    inside, beside, other = [await lock(locks, path) for path in (AB, AX, X)]
    version = locks.version("s")
    await locks.follow("s", A, Path("y/z"))
    await locks.follow("other", A, X)
    await locks.follow("s", Path("nothing"), A)
    assert locks.version("s") > version
    for _ in range(2):
        assert locks.covering("s", AB) == []
        assert locks.covering("s", Path("y/z/b")) == [attrs.evolve(inside, path=Path("y/z/b"))]
        assert (locks.covering("s", X), locks.covering("s", AX)) == ([other], [beside])
        locks = await house.restart()
    await locks.release("ada", inside.token, "s", Path("y/z/b"))
    assert locks.covering("s", Path("y/z/b")) == []
