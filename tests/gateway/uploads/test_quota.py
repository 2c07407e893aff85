from __future__ import annotations

from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from clawgate.errors import Disconnected, QuotaExceeded
from clawgate.gateway.quota import Quotas
from clawgate.gateway.uploads.layout import Chunk
from clawgate.interfaces import Storage
from clawgate.model.content import Intent
from clawgate.model.node import Kind, Node
from clawgate.model.path import Path
from clawgate.model.space import Space, SpaceKind

from .bodies import Task, chunks, request_body, until
from .house import ADA, House

test = pytest_twisted.ensureDeferred


async def left(house: House) -> int | None:
    return await house.quotas.left(house.space(), await house.storages.of(house.space()))


async def outcomes(*tasks: Task) -> tuple[int, int]:
    """How many were done and how many were refused."""
    await until(lambda: all(task.done for task in tasks))
    refused = [task for task in tasks if hasattr(task.result, "value")]
    assert all(isinstance(task.failure(), QuotaExceeded) for task in refused)
    return len(tasks) - len(refused), len(refused)


# Together


@test
async def test_sessions_that_begin_together(house: House) -> None:
    house.quota = 100
    assert await outcomes(*(Task(house.begin(f"{i}", size=30)) for i in range(8))) == (3, 5)
    assert (await left(house), await house.held()) == (10, 3)


@test
async def test_files_that_are_written_together(house: House) -> None:
    house.quota = 100
    assert await outcomes(*(Task(house.put(f"{i}", b"x" * 30)) for i in range(8))) == (3, 5)
    assert await left(house) == 10


@test
async def test_files_and_sessions_together(house: House) -> None:
    house.quota = 100
    tasks = [Task(house.put(f"f{i}", b"x" * 30) if i % 2 else house.begin(f"s{i}", size=30)) for i in range(8)]
    done, _ = await outcomes(*tasks)
    # Whoever is in the books twice for a moment may keep others out, but nobody comes in too many.
    assert done in (2, 3)
    assert await left(house) == 100 - 30 * done


# One after the other


@test
async def test_what_a_session_has_reserved_nobody_takes(house: House) -> None:
    house.quota = 100
    upload = await house.begin(size=60)
    with pytest.raises(QuotaExceeded):
        await house.put("b", b"x" * 41)
    with pytest.raises(QuotaExceeded):
        await house.begin("c", size=41)
    await house.put("b", b"x" * 40)
    assert await left(house) == 0
    # Its own reservation does not stand in its way, at no point.
    upload, _ = await house.append(upload, 0, b"a" * 30)
    upload, done = await house.append(upload, 30, b"a" * 30)
    assert done is not None and upload.finished
    assert await left(house) == 0


@test
async def test_what_a_request_has_claimed_no_session_takes(house: House) -> None:
    house.quota = 100
    body = request_body(house.clock, 60)
    writing = Task(house.tree.put(ADA, house.place("b"), body, Intent(size=60), tokens=frozenset()))
    await until(lambda: body.waiting)
    with pytest.raises(QuotaExceeded):
        await house.begin(size=41)
    await house.begin(size=40)
    body.fail(Disconnected("gone"))
    await until(lambda: writing.done)
    assert isinstance(writing.failure(), Disconnected)
    assert await left(house) == 60


@test
async def test_sessions_that_are_over_need_nothing(house: House) -> None:
    house.quota = 100
    upload = await house.begin(size=100)
    await house.uploads.abort(upload, house.space())
    assert await left(house) == 100
    await house.begin(size=100)
    house.seconds += 3 * 86400
    assert await left(house) == 100
    await house.begin(size=100)


@test
async def test_what_is_replaced_is_freed(house: House) -> None:
    house.quota = 100
    await house.put("a.bin", b"o" * 80)
    upload = await house.begin(size=90)
    assert await left(house) == 10
    with pytest.raises(QuotaExceeded):
        await house.begin("b", size=11)
    with pytest.raises(QuotaExceeded):
        await house.put("b", b"x" * 11)
    await house.put("b", b"x" * 10)
    await house.append(upload, 0, b"n" * 90)
    assert await left(house) == 0
    # Less can always take the place of more.
    house.quota = 50
    upload = await house.begin(size=20)
    await house.append(upload, 0, b"n" * 20)
    assert await left(house) == 20


@test
async def test_the_quota_shrinks_meanwhile(house: House) -> None:
    house.quota = 100
    upload = await house.begin(size=60)
    house.quota = 50
    with pytest.raises(QuotaExceeded):
        await house.append(upload, 0, b"a" * 60)
    assert await house.offset(upload) == 59
    house.quota = 60
    await house.append(upload, 59, b"a")
    assert await left(house) == 0


@test
async def test_between_the_file_and_the_note_nothing_is_forgotten(house: House) -> None:
    house.quota = 100
    upload = await house.begin(size=60)
    inner, reached, blocked = house.stored.finish, [], Deferred[None]()

    async def finish(*arguments: object) -> None:
        reached.append(True)
        await blocked
        await inner(*arguments)  # type: ignore[arg-type]

    house.stored.finish = finish  # type: ignore[method-assign,assignment]
    task = Task(house.append(upload, 0, b"a" * 60))
    await until(lambda: reached)
    found = await left(house)
    assert found is not None and found <= 40
    blocked.callback(None)
    await until(lambda: task.done)
    assert await left(house) == 40


# Unknown lengths


@test
async def test_unknown_lengths_count_as_they_arrive(house: House) -> None:
    house.quota = 100
    upload, _ = await house.append(await house.begin(), 0, b"a" * 60)
    assert await left(house) == 40
    with pytest.raises(QuotaExceeded):
        await house.uploads.announce(upload, house.space(), 101)
    with pytest.raises(QuotaExceeded):
        await house.begin("b", size=41)
    await house.begin("b", size=30)
    with pytest.raises(QuotaExceeded):
        await house.uploads.announce(upload, house.space(), 71)
    await house.uploads.announce(upload, house.space(), 70)
    assert await left(house) == 0


@pytest.mark.parametrize("length", [120, None])
@test
async def test_an_unknown_length_ends_at_the_quota(house: House, length: int | None) -> None:
    house.quota = 100
    upload = await house.begin()
    with pytest.raises(QuotaExceeded):
        await house.append(upload, 0, *[b"a" * 8] * 15, length=length)
    # What is known beforehand is refused beforehand.
    assert await house.offset(upload) == (0 if length else 100)
    assert await house.held() == 1


@test
async def test_an_unknown_length_ends_when_others_take_the_room(house: House) -> None:
    """It is looked at anew at each checkpoint."""
    house.quota = 100
    upload = await house.begin()
    body = request_body(house.clock)
    writing = Task(house.uploads.append(upload, house.space(), 0, body, length=None))
    body.feed(b"a" * 20)
    await until(lambda: body.waiting)
    await house.put("b", b"x" * 50)
    body.feed(b"a" * 20)
    await until(lambda: body.waiting)
    body.feed(b"a" * 20)
    await until(lambda: writing.done)
    assert isinstance(writing.failure(), QuotaExceeded)
    assert await house.offset(upload) == 50


@test
async def test_chunks_of_an_unknown_whole(house: House) -> None:
    house.quota = 100
    upload = await house.begin("", dialect="ng", key="1")
    await house.put_part(upload, "0", b"a" * 30)
    body = request_body(house.clock, 30)
    flying = Task(house.uploads.put_part(upload, house.space(), Chunk("1", 30, index=1), body))
    await until(lambda: body.waiting)
    with pytest.raises(QuotaExceeded):
        await house.put_part(upload, "2", b"c" * 41)
    with pytest.raises(QuotaExceeded):
        await house.begin("b", size=41)
    flying.deferred.cancel()
    await until(lambda: flying.done)
    assert isinstance(flying.failure(), CancelledError)
    await house.put_part(upload, "1", b"b" * 70)
    # A chunk that is sent again takes the room that it had.
    await house.put_part(upload, "1", b"c" * 70)
    with pytest.raises(QuotaExceeded):
        await house.put_part(upload, "1", b"c" * 71)
    with pytest.raises(QuotaExceeded):
        await house.uploads.put_part(upload, house.space(), Chunk("2", None, index=2), chunks(b"d"))
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await left(house) == 0
    assert await house.read("a.bin") == b"a" * 30 + b"c" * 70


# The books


class SlowStorage:
    """Says how much is used when the test lets it."""

    def __init__(self) -> None:
        self.used = 0
        self.asked: list[Deferred[None]] = []

    async def stat(self, path: Path) -> Node:
        answer: Deferred[None] = Deferred()
        used = self.used
        self.asked.append(answer)
        await answer
        return Node("", Kind.FOLDER, used, 0, "")


SPACE = Space("s", "s", SpaceKind.PERSONAL, "m", "ada", "/", 100)


def test_what_becomes_a_file_while_the_books_are_read() -> None:
    """The storage was asked before, the claims are looked at afterwards: it must not be missed by both."""

    async def reserved(space: str, apart: Any) -> int:
        return 0

    storage, quotas = SlowStorage(), Quotas(reserved)
    with quotas.claim(SPACE, 100, 60):
        task = Task(quotas.left(SPACE, cast(Storage, storage)))
        budget = Task(quotas.budget(SPACE, cast(Storage, storage)))
    storage.used = 60
    for answer in storage.asked[:2]:
        answer.callback(None)
    assert not task.done and not budget.done
    for answer in storage.asked[2:]:
        answer.callback(None)
    assert (task.result, budget.result) == (40, 40)


def test_what_becomes_a_session_while_the_books_are_read() -> None:
    sessions: dict[str, int] = {}

    async def reserved(space: str, apart: Any) -> int:
        return sum(size for id, size in sessions.items() if id not in apart)

    storage, quotas = SlowStorage(), Quotas(reserved)
    with quotas.noting(SPACE, "u", 100, 60):
        assert not Task(quotas.left(SPACE, cast(Storage, storage), apart=["u"])).done
        storage.asked.pop().callback(None)
        task = Task(quotas.left(SPACE, cast(Storage, storage)))
        sessions["u"] = 60
    storage.asked.pop().callback(None)
    assert not task.done
    storage.asked.pop().callback(None)
    assert task.result == 40
    # In both books at once: counted once.
    with quotas.noting(SPACE, "u", 100, 60):
        task = Task(quotas.left(SPACE, cast(Storage, storage)))
        storage.asked.pop().callback(None)
        assert task.result == 40


def test_claims_end_whatever_happens() -> None:
    async def reserved(space: str, apart: Any) -> int:
        return 0

    quotas = Quotas(reserved)
    with pytest.raises(ZeroDivisionError), quotas.claim(SPACE, 100, 60), quotas.noting(SPACE, "u", 100, 40):
        # The same session, told of twice at once.
        with quotas.noting(SPACE, "u", 100, 40):
            pass
        raise ZeroDivisionError
    with pytest.raises(QuotaExceeded), quotas.noting(SPACE, "v", 10, 11):
        pass
    with pytest.raises(QuotaExceeded), quotas.claim(SPACE, 10, 11):
        pass
    storage = SlowStorage()
    task = Task(quotas.left(SPACE, cast(Storage, storage)))
    storage.asked.pop().callback(None)
    assert task.result == 100
