from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from clawgate.errors import StorageUnavailable
from clawgate.identity.ldap.known import Known
from clawgate.model.people import User


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self.wait: Deferred[None] | None = None
        self.error: Exception | None = None

    async def find(self, id: str) -> User | None:
        self.asked.append(id)
        if self.wait is not None:
            await self.wait
        if self.error is not None:
            raise self.error
        return User(id) if id != "nobody" else None


@pytest.fixture
def world():
    return World()


@pytest.fixture
def known(world):
    return Known(world.find, 60, 2, lambda: world.now)


@pytest_twisted.ensureDeferred
async def test_people_are_remembered_for_a_while(world, known):
    for _ in range(3):
        assert await known.get("alice") == User("alice")
        assert await known.get("nobody") is None
    assert world.asked == ["alice", "nobody"]

    world.now = 60
    assert await known.get("alice") == User("alice")
    assert world.asked == ["alice", "nobody", "alice"]


@pytest_twisted.ensureDeferred
async def test_not_more_than_so_many(world, known):
    for id in ("a", "b", "a", "c", "a", "b"):
        await known.get(id)

    assert world.asked == ["a", "b", "c", "b"]


@pytest_twisted.ensureDeferred
async def test_failures_are_not_remembered(world, known):
    world.error = StorageUnavailable("gone")
    with pytest.raises(StorageUnavailable):
        await known.get("alice")

    world.error = None
    assert await known.get("alice") == User("alice")


@pytest_twisted.ensureDeferred
async def test_one_question_at_a_time(world, known):
    world.wait = Deferred()
    first, second = (Deferred.fromCoroutine(known.get("alice")) for _ in range(2))
    first.cancel()
    with pytest.raises(CancelledError):
        await first
    world.wait.callback(None)

    assert await second == User("alice")
    assert world.asked == ["alice"]


@pytest_twisted.ensureDeferred
async def test_who_logs_in_while_an_older_answer_is_on_its_way(world, known):
    world.wait = Deferred()
    asking = Deferred.fromCoroutine(known.get("alice"))
    known.put("alice", User("alice", mark="new"))
    world.wait.callback(None)
    assert (await asking).mark == "new"
    assert (await known.get("alice")).mark == "new"


@pytest_twisted.ensureDeferred
async def test_asked_anew(world, known):
    known.put("alice", User("alice", mark="old"))
    assert (await known.get("alice", anew=True)).mark == ""
    assert (await known.get("alice")).mark == "", "that is what is remembered"
    assert world.asked == ["alice"]


@pytest_twisted.ensureDeferred
async def test_it_is_told_how_people_were_described_before(world, known):
    told = []
    known.changed.append(lambda before, now: told.append((before.mark, now and now.mark)))
    for mark in ("old", "old", "new"):
        known.put("alice", User("alice", mark=mark))
    world.now = 60
    assert (await known.get("alice")).mark == ""
    known.put("alice", None)
    known.put("alice", None)
    known.put("alice", User("alice", mark="again"))
    await known.get("nobody")
    assert told == [("old", "old"), ("old", "new"), ("new", ""), ("", None)]


@pytest_twisted.ensureDeferred
async def test_what_changed_while_nobody_could_be_asked_is_told_as_well(world, known):
    told = []
    known.changed.append(lambda before, now: told.append((before.mark, now and now.mark)))
    known.put("alice", User("alice", mark="old"))
    known.put("nobody", User("nobody"))
    world.now, world.error = 60, StorageUnavailable("gone")
    for id in ("alice", "nobody"):
        with pytest.raises(StorageUnavailable):
            await known.get(id)
    world.error = None
    assert (await known.get("alice")).mark == ""
    assert await known.get("nobody") is None
    assert told == [("old", ""), ("", None)]


@pytest_twisted.ensureDeferred
async def test_who_logs_in_while_a_question_fails_is_known(world, known):
    known.put("alice", User("alice", mark="old"))
    world.now, world.wait, world.error = 60, Deferred(), StorageUnavailable("gone")
    asking = Deferred.fromCoroutine(known.get("alice"))
    known.put("alice", User("alice", mark="new"))
    world.wait.callback(None)
    with pytest.raises(StorageUnavailable):
        await asking
    assert (await known.get("alice")).mark == "new"
