from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import UploadGone
from clawgate.model.path import Path

from .bodies import Task, request_body, until
from .house import ADA, House

test = pytest_twisted.ensureDeferred
DAYS = 86400.0


@test
async def test_expired_sessions_vanish_with_their_bytes(house: House) -> None:
    """Also from spaces that nobody has opened since the start."""
    old, _ = await house.append(await house.begin(size=10), 0, b"abc")
    named = await house.begin("", dialect="ng", key="1")
    await house.put_part(named, "0", b"abc")
    house.seconds += 1.5 * DAYS
    young, _ = await house.append(await house.begin(size=10), 0, b"abc")
    house.seconds += 0.5 * DAYS
    await house.restart()
    house.opened.clear()
    await house.janitor.run()
    assert house.opened == ["home$ada"]
    assert [one.id for one in await house.stored.all()] == [young.id]
    assert await house.stored.parts(named.id) == []
    assert await house.held() == 1
    await house.append(young, 3, b"defghij")
    assert await house.read("a.bin") == b"abcdefghij"
    assert old.handle


@test
async def test_whoever_goes_on_is_not_expired(house: House) -> None:
    upload = await house.begin(size=10)
    chunked = await house.begin("", dialect="ng", key="1")
    for i in range(5):
        house.seconds += 1.5 * DAYS
        upload, _ = await house.append(upload, i, b"x")
        await house.put_part(chunked, str(i), b"x")
        await house.janitor.run(0)
    assert len(await house.stored.all()) == 2
    await house.uploads.finish(chunked, house.publication("b.bin"))
    assert await house.read("b.bin") == b"xxxxx"


@test
async def test_a_session_that_is_being_written_to_is_left_alone(house: House) -> None:
    upload = await house.begin(size=30)
    body = request_body(house.clock, 30)
    writing = Task(house.uploads.append(upload, house.space(), 0, body, length=30, publication=house.publication("a.bin")))
    body.feed(b"a" * 5)
    await until(lambda: body.waiting)
    house.seconds += 3 * DAYS
    await house.janitor.run(0)
    assert len(await house.stored.all()) == 1
    # And what it brings makes it young again.
    body.feed(b"a" * 10)
    await until(lambda: body.waiting)
    await house.janitor.run(0)
    body.feed(b"a" * 15)
    body.end()
    await until(lambda: writing.done)
    assert await house.read("a.bin") == b"a" * 30


@test
async def test_outcomes_are_forgotten(house: House) -> None:
    upload, _ = await house.append(await house.begin(size=3), 0, b"abc")
    house.seconds += 3599
    await house.janitor.run()
    assert (await house.uploads.find(ADA, "tus", upload.key)).finished
    house.seconds += 1
    with pytest.raises(UploadGone):
        await house.uploads.find(ADA, "tus", upload.key)
    await house.janitor.run()
    assert await house.stored.all() == []
    assert await house.read("a.bin") == b"abc"


@test
async def test_a_space_that_is_gone(house: House) -> None:
    """Its user or mount was removed: nobody knows where the bytes would be."""
    upload, _ = await house.append(await house.begin(size=10), 0, b"abc")
    house.lost.add("home$ada")
    await house.janitor.run()
    assert len(await house.stored.all()) == 1
    house.seconds += 3 * DAYS
    await house.janitor.run()
    assert await house.stored.all() == []
    assert upload.handle


@test
async def test_a_storage_that_is_not_there_keeps_its_sessions(posix_house: House) -> None:
    house = posix_house
    await house.put("known", b"")
    await house.append(await house.begin(size=10), 0, b"abc")
    await house.uploads.begin(ADA, house.place("b", "bob"), "tus", size=10)
    house.seconds += 3 * DAYS
    await house.restart()
    home, elsewhere = house.folder / "files" / "ada", house.folder / "elsewhere"
    home.rename(elsewhere)
    home.write_bytes(b"")
    await house.janitor.run()
    # The others are cleared up all the same.
    assert [one.space for one in await house.stored.all()] == ["home$ada"]
    assert await house.held("bob") == 0
    home.unlink()
    elsewhere.rename(home)
    await house.janitor.run()
    assert (await house.stored.all(), await house.held()) == ([], 0)


@test
async def test_leftovers_that_no_session_names(house: House) -> None:
    await house.append(await house.begin(size=10), 0, b"abc")
    _, parts = await house.uploads._means.open(house.space())
    await parts.begin(5)
    assert await house.janitor.run() == 0
    assert await house.janitor.run(0) == 1
    assert await house.held() == 1


@test
async def test_a_session_that_was_published_without_a_note(house: House) -> None:
    await house.put("a.bin", b"old")
    upload = await house.begin(size=3)
    with house.frozen() as freeze:
        await house.append(upload, 0, b"abc", publication=house.publication("a.bin", guard=freeze.begin))
    house.seconds += 3 * DAYS
    await house.janitor.run(0)
    assert await house.stored.all() == []
    assert await house.read("a.bin") == b"abc"
    storage = await house.storages.of(house.space())
    assert (await storage.stat(Path("a.bin"))).size == 3
