from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredList

from clawgate.errors import AlreadyExists, InvalidRequest, LengthMismatch, Overloaded, QuotaExceeded, UploadGone
from clawgate.model.content import Checksum
from clawgate.model.path import Path
from clawgate.model.upload import Part, Upload
from clawgate.state.engine import Database
from clawgate.state.schema import SCHEMA
from clawgate.state.uploads import Uploads
from clawgate.workers import Workers

NOW = 150.0
PLAIN = Upload("1", "ada", "home$ada", "h1", "ng", "transfer", Path(""), None, 0, 100.0, 200.0)
FULL = Upload(
    id="2",
    owner="ada",
    space="home$ada",
    handle="h/2",
    dialect="tus",
    key="transfer",
    path=Path("Fotos/näher.jpg"),
    size=5 * 2**40,
    offset=2**40,
    created=150.25,
    expires=190.5,
    checksums=(Checksum("SHA1", "ab" * 20), Checksum("CRC32C", "0" * 8)),
    mtime_ns=1_700_000_000_123_456_789,
    extra={"if-match": "x", "nested": {"list": [1, None, "ü"]}},
    frees=2**39,
)


@pytest_twisted.async_yield_fixture
async def database(database_url: str, workers: Workers):  # type: ignore[no-untyped-def]
    database = Database(database_url, workers, SCHEMA)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
def uploads(database: Database) -> Uploads:
    return Uploads(database)


async def together(*calls: Awaitable[Any]) -> list[Any]:
    """The results and failures of calls that run at the same time."""
    found = await DeferredList([Deferred.fromCoroutine(call) for call in calls], consumeErrors=True)  # type: ignore[arg-type]
    return [result if success else result.value for success, result in found]


def sessions(count: int, **changes: Any) -> list[Upload]:
    return [attrs.evolve(PLAIN, id=f"s{i}", key=f"s{i}", **changes) for i in range(count)]


# Beginning


@pytest_twisted.ensureDeferred
async def test_sessions_come_back_as_they_were(uploads: Uploads, database: Database) -> None:
    for session in (FULL, PLAIN):
        await uploads.create(session, now=NOW)
    await database.stop()
    again = Uploads(database)
    assert (await again.get("1"), await again.get("2")) == (PLAIN, FULL)
    assert await again.all() == [PLAIN, FULL]
    assert await again.find("ada", "tus", "transfer") == FULL
    assert await again.find("ada", "tus", "other") is None
    assert await again.find("bob", "tus", "transfer") is None
    with pytest.raises(UploadGone):
        await again.get("3")


@pytest_twisted.ensureDeferred
async def test_a_key_is_taken_once_by_owner_and_dialect(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    with pytest.raises(AlreadyExists, match="transfer"):
        await uploads.create(attrs.evolve(PLAIN, id="3"), now=NOW)
    await uploads.create(attrs.evolve(PLAIN, id="3", owner="bob"), now=NOW)
    await uploads.create(attrs.evolve(PLAIN, id="4", dialect="tus"), now=NOW)
    assert len(await uploads.all()) == 3


@pytest_twisted.ensureDeferred
async def test_what_is_over_makes_room_for_another_of_its_name(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    await uploads.add_part("1", Part("a", 0, 5), 10, 200.0)
    later = attrs.evolve(PLAIN, id="3", expires=300.0)
    await uploads.create(later, now=200.0)
    assert await uploads.all() == [later]
    assert (await uploads.parts("1"), await uploads.parts("3")) == ([], [])
    await uploads.finish(later, Path("x"), 5, "n", 500.0)
    last = attrs.evolve(PLAIN, id="4")
    await uploads.create(last, now=NOW)
    assert await uploads.all() == [last]


@pytest_twisted.ensureDeferred
async def test_an_id_is_taken_once(uploads: Uploads) -> None:
    """What the index of the table refuses is told in our words: where several processes write, it may."""
    await uploads.create(PLAIN, now=NOW)
    with pytest.raises(AlreadyExists):
        await uploads.create(attrs.evolve(PLAIN, key="other"), now=NOW)
    assert await uploads.all() == [PLAIN]


@pytest_twisted.ensureDeferred
async def test_one_of_many_gets_the_key(uploads: Uploads) -> None:
    found = await together(*(uploads.create(attrs.evolve(PLAIN, id=str(i)), now=NOW) for i in range(20)))
    assert sum(result is None for result in found) == 1
    assert sum(isinstance(result, AlreadyExists) for result in found) == 19
    assert len(await uploads.all()) == 1


@pytest_twisted.ensureDeferred
async def test_sessions_that_begin_together_do_not_overrun_the_budget(uploads: Uploads) -> None:
    await uploads.create(attrs.evolve(FULL, size=30, offset=0, frees=0, expires=300.0), now=NOW)
    # Of another space, expired, finished: these count for nothing.
    await uploads.create(attrs.evolve(PLAIN, id="x", key="x", space="other", size=1000), now=NOW)
    await uploads.create(attrs.evolve(PLAIN, id="y", key="y", size=1000, expires=149.0), now=NOW)
    await uploads.create(attrs.evolve(PLAIN, id="z", key="z", size=1000, finished=True), now=NOW)
    found = await together(*(uploads.create(one, now=NOW, budget=100) for one in sessions(10, size=20)))
    assert sum(result is None for result in found) == 3
    refused = [result for result in found if result is not None]
    assert all(isinstance(result, QuotaExceeded) for result in refused)
    assert str(refused[0]) == "unfinished uploads need 110 bytes, 100 bytes are left of the quota"
    assert await uploads.reserved("home$ada", NOW) == 90
    assert len(await uploads.all()) == 7


@pytest_twisted.ensureDeferred
async def test_nobody_has_too_many(uploads: Uploads) -> None:
    await uploads.create(attrs.evolve(PLAIN, id="x", key="x", owner="bob"), now=NOW)
    await uploads.create(attrs.evolve(PLAIN, id="y", key="y", finished=True), now=NOW)
    found = await together(*(uploads.create(one, now=NOW, most=4) for one in sessions(6)))
    assert [type(result) for result in found if result is not None] == [Overloaded, Overloaded]
    await uploads.delete("s0")
    await uploads.create(attrs.evolve(PLAIN, id="more", key="more"), now=NOW, most=4)


# Progress


@pytest_twisted.ensureDeferred
async def test_the_offset_moves_from_where_it_stands(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    await uploads.advance("1", 0, 7, 300.0)
    assert await uploads.get("1") == attrs.evolve(PLAIN, offset=7, expires=300.0)
    for old, new in ((0, 8), (8, 9)):
        with pytest.raises(UploadGone):
            await uploads.advance("1", old, new, 300.0)
    found = await together(*(uploads.advance("1", 7, i, 300.0) for i in range(10, 15)))
    assert sum(result is None for result in found) == 1
    with pytest.raises(UploadGone):
        await uploads.advance("nobody", 0, 1, 300.0)


@pytest_twisted.ensureDeferred
async def test_the_offset_stays_within_the_size(uploads: Uploads) -> None:
    await uploads.create(attrs.evolve(PLAIN, size=10), now=NOW)
    with pytest.raises(UploadGone):
        await uploads.advance("1", 0, 11, 300.0)
    await uploads.advance("1", 0, 10, 300.0)


@pytest_twisted.ensureDeferred
async def test_the_size_is_noted_once(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    await uploads.advance("1", 0, 7, 200.0)
    there = await uploads.get("1")
    with pytest.raises(LengthMismatch, match="7 bytes have arrived already, 5 are announced"):
        await uploads.resize(there, 5, now=NOW)
    with pytest.raises(LengthMismatch):
        # Whoever announces it does not know yet that all is there.
        await uploads.resize(attrs.evolve(there, offset=3), 7, now=NOW)
    with pytest.raises(QuotaExceeded):
        await uploads.resize(there, 101, now=NOW, budget=100)
    assert (await uploads.get("1")).size is None
    await uploads.resize(there, 100, now=NOW, budget=100)
    await uploads.resize(there, 100, now=NOW, budget=100)
    with pytest.raises(LengthMismatch, match="100 bytes were announced already, 99 are announced"):
        await uploads.resize(there, 99, now=NOW)
    assert (await uploads.get("1")).size == 100
    with pytest.raises(UploadGone):
        await uploads.resize(FULL, 1, now=NOW)


@pytest_twisted.ensureDeferred
async def test_different_sizes_at_once(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    found = await together(*(uploads.resize(PLAIN, size, now=NOW) for size in (10, 11, 12)))
    assert [type(result) for result in found if result is not None] == [LengthMismatch, LengthMismatch]


@pytest_twisted.ensureDeferred
async def test_the_size_of_what_is_complete(uploads: Uploads) -> None:
    await uploads.create(attrs.evolve(PLAIN, offset=7), now=NOW)
    await uploads.resize(attrs.evolve(PLAIN, offset=7), 7, now=NOW)
    assert (await uploads.get("1")).size == 7


@pytest_twisted.ensureDeferred
async def test_promises_can_come_later(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    sums = (Checksum("SHA1", "ab"), Checksum("MD5", "cd"))
    await uploads.note("1", sums, 5)
    assert await uploads.get("1") == attrs.evolve(PLAIN, checksums=sums, mtime_ns=5)
    with pytest.raises(UploadGone):
        await uploads.note("3", sums, 5)


# Parts


@pytest_twisted.ensureDeferred
async def test_parts(uploads: Uploads) -> None:
    for session in (PLAIN, FULL):
        await uploads.create(session, now=NOW)
    for part in (Part("b", 10, 20), Part("a", 0, 10), Part("big", 2**41, 2**42), Part("empty", 10, 10)):
        await uploads.add_part("1", part, 5, 250.0)
    await uploads.add_part("2", Part("a", 5, 6), 5, 250.0)
    assert [part.name for part in await uploads.parts("1")] == ["a", "empty", "b", "big"]
    assert (await uploads.get("1")).expires == 250.0
    assert (await uploads.get("1")).offset == 0
    # in place of one with the same name
    await uploads.add_part("1", Part("b", 10, 15), 5, 250.0)
    assert sorted(await uploads.near("1", "x", 0, 30)) == [Part("a", 0, 10), Part("b", 10, 15), Part("empty", 10, 10)]
    assert await uploads.drop_part("1", "b")
    assert not await uploads.drop_part("1", "b")
    assert await uploads.parts("2") == [Part("a", 5, 6)]
    with pytest.raises(UploadGone):
        await uploads.add_part("3", Part("a", 0, 1), 5, 250.0)
    assert await uploads.arrived() == {"1": 10 + 2**41, "2": 2**40 + 1}


@pytest.mark.parametrize(
    ("name", "start", "stop", "expected"),
    [
        ("x", 0, 10, ["a"]),
        ("x", 9, 11, ["a", "b"]),
        ("x", 20, 30, []),
        ("c", 0, 1, ["a", "c"]),
        ("c", 0, 0, ["c"]),
        ("x", 5, 5, ["a"]),
        ("x", 10, 10, []),
        ("x", 15, 2**63 - 1, ["b", "c"]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_parts_that_are_near(uploads: Uploads, name: str, start: int, stop: int, expected: list[str]) -> None:
    await uploads.create(PLAIN, now=NOW)
    for part in (Part("a", 0, 10), Part("b", 10, 20), Part("c", 30, 40)):
        await uploads.add_part("1", part, 5, 250.0)
    assert sorted(part.name for part in await uploads.near("1", name, start, stop)) == expected


@pytest_twisted.ensureDeferred
async def test_parts_are_counted(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    found = await together(*(uploads.add_part("1", Part(str(i), i, i + 1), 3, 200.0) for i in range(5)))
    assert [type(result) for result in found if result is not None] == [InvalidRequest, InvalidRequest]
    # A replacement is none more.
    await uploads.add_part("1", Part((await uploads.parts("1"))[0].name, 50, 51), 3, 200.0)
    assert len(await uploads.parts("1")) == 3


@pytest_twisted.ensureDeferred
async def test_the_content_is_put_in_order(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    await uploads.add_part("1", Part("a", 10, 20), 5, 200.0)
    await uploads.add_part("1", Part("b", 0, 10), 5, 200.0)
    moved = [Part("a", 0, 10), Part("b", 10, 20)]
    await uploads.rearrange("1", "h9", moved)
    assert (await uploads.get("1")).handle == "h9"
    assert await uploads.parts("1") == moved
    with pytest.raises(UploadGone):
        await uploads.rearrange("3", "h9", moved)


@pytest_twisted.ensureDeferred
async def test_what_sessions_need(uploads: Uploads) -> None:
    space = "home$ada"
    await uploads.create(attrs.evolve(PLAIN, id="announced", key="1", size=100), now=NOW)
    await uploads.create(attrs.evolve(PLAIN, id="unknown", key="2", offset=7), now=NOW)
    await uploads.create(attrs.evolve(PLAIN, id="parts", key="3"), now=NOW)
    await uploads.add_part("parts", Part("a", 5, 10), 5, 200.0)
    await uploads.add_part("parts", Part("b", 20, 30), 5, 200.0)
    # Beyond what was announced: chunks of v1 whose total came later.
    await uploads.create(attrs.evolve(PLAIN, id="more", key="4", size=3), now=NOW)
    await uploads.add_part("more", Part("a", 0, 1000), 5, 200.0)
    await uploads.create(attrs.evolve(PLAIN, id="replaces", key="5", size=10_000, frees=4_000), now=NOW)
    await uploads.create(attrs.evolve(PLAIN, id="shrinks", key="6", size=10, frees=4_000), now=NOW)
    needs = {"announced": 100, "unknown": 7, "parts": 15, "more": 1000, "replaces": 6_000, "shrinks": 0}
    assert await uploads.reserved(space, NOW) == sum(needs.values())
    for id, need in needs.items():
        assert await uploads.reserved(space, NOW, set(needs) - {id}) == need
    assert await uploads.reserved(space, 200.0) == 0
    assert await uploads.reserved("other", NOW) == 0


# The end


@pytest_twisted.ensureDeferred
async def test_outcomes_are_remembered(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    await uploads.add_part("1", Part("a", 0, 5), 5, 200.0)
    await uploads.finish(PLAIN, Path("a/b"), 5, "node!1", 500.0)
    there = await uploads.get("1")
    assert there == attrs.evolve(
        PLAIN, handle="", path=Path("a/b"), size=5, offset=5, expires=500.0, finished=True, result="node!1"
    )
    assert await uploads.find("ada", "ng", "transfer") == there
    assert await uploads.parts("1") == []
    assert await uploads.handles("home$ada") == frozenset()


@pytest_twisted.ensureDeferred
async def test_what_is_finished_does_not_change(uploads: Uploads) -> None:
    await uploads.create(PLAIN, now=NOW)
    await uploads.finish(PLAIN, Path("a"), 5, "n", 500.0)
    there = await uploads.get("1")
    await uploads.finish(PLAIN, Path("b"), 6, "m", 600.0)
    assert await uploads.expire(["1"]) == 0
    changes: list[Callable[[], Awaitable[Any]]] = [
        lambda: uploads.advance("1", 5, 6, 1.0),
        lambda: uploads.resize(PLAIN, 5, now=NOW),
        lambda: uploads.note("1", (), 1),
        lambda: uploads.add_part("1", Part("a", 0, 1), 5, 1.0),
        lambda: uploads.rearrange("1", "h", []),
    ]
    for change in changes:
        with pytest.raises(UploadGone):
            await change()
    assert await uploads.get("1") == there
    assert await uploads.parts("1") == []


@pytest_twisted.ensureDeferred
async def test_the_end_of_sessions(uploads: Uploads) -> None:
    done = attrs.evolve(PLAIN, id="9", key="9", finished=True, handle="", expires=180.0)
    for session in (PLAIN, FULL, done):
        await uploads.create(session, now=NOW)
    assert await uploads.handles("home$ada") == {"h1", "h/2"}
    assert await uploads.handles("other") == frozenset()
    assert await uploads.expired(190.0) == []
    assert await uploads.expired(190.5) == [FULL]
    assert await uploads.expired(1000.0) == [FULL, PLAIN]
    assert await uploads.forget_finished(179.0) == 0
    assert await uploads.forget_finished(1000.0) == 1
    await uploads.add_part("2", Part("a", 0, 1), 5, 200.0)
    await uploads.delete("2")
    await uploads.delete("2")
    with pytest.raises(UploadGone):
        await uploads.get("2")
    assert await uploads.all() == [PLAIN]
    assert await uploads.parts("2") == []


@pytest_twisted.ensureDeferred
async def test_what_an_operator_has_ended_does_not_come_back_to_life(uploads: Uploads) -> None:
    for session in (PLAIN, attrs.evolve(FULL, expires=300.0)):
        await uploads.create(session, now=NOW)
    await uploads.add_part("1", Part("a", 0, 5), 5, 200.0)
    assert await uploads.expire(["1", "nobody"]) == 1
    assert [one.id for one in await uploads.expired(NOW)] == ["1"]
    changes: list[Callable[[], Awaitable[Any]]] = [
        lambda: uploads.advance("1", 0, 6, 900.0),
        lambda: uploads.resize(PLAIN, 5, now=NOW),
        lambda: uploads.note("1", (), 1),
        lambda: uploads.add_part("1", Part("b", 0, 1), 5, 900.0),
        lambda: uploads.rearrange("1", "h", []),
    ]
    for change in changes:
        with pytest.raises(UploadGone):
            await change()
    # The janitor needs to know where the bytes are.
    await uploads.finish(PLAIN, Path("a"), 5, "n", 900.0)
    there = await uploads.get("1")
    assert (there.expires, there.finished, there.handle) == (0, False, "h1")
    assert await uploads.parts("1") == [Part("a", 0, 5)]
    assert await uploads.reserved("home$ada", NOW) == 5 * 2**40 - 2**39
