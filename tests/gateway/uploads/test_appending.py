from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha1

import attrs
import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from clawgate.errors import (
    ChecksumMismatch,
    Disconnected,
    LengthMismatch,
    Locked,
    OffsetMismatch,
    ParentMissing,
    PieceMismatch,
    PreconditionFailed,
    QuotaExceeded,
    StorageUnavailable,
    TooLarge,
    UploadGone,
)
from clawgate.model.content import Checksum
from clawgate.model.node import Node
from clawgate.model.path import Path
from clawgate.model.upload import Upload

from .bodies import Task, chunks, request_body, until
from .house import ADA, House

test = pytest_twisted.ensureDeferred


def sha(data: bytes) -> Checksum:
    return Checksum("SHA1", sha1(data).hexdigest())


# One request, several requests


@test
async def test_all_in_one_request(house: House) -> None:
    upload = await house.begin(size=11)
    upload, done = await house.append(upload, 0, b"hello ", b"world")
    assert (upload.offset, upload.finished, done.replaced) == (11, True, False)
    assert await house.read("a.bin") == b"hello world"
    found = await house.uploads.find(ADA, "tus", upload.key)
    assert found == upload
    assert (found.result, found.path, found.handle) == (done.node.etag, "a.bin", "")
    assert await house.held() == 0


@test
async def test_over_requests_and_restarts(house: House) -> None:
    upload = await house.begin(size=26)
    for start in range(0, 26, 6):
        data = bytes(range(97 + start, min(97 + start + 6, 123)))
        # Only what the state knows counts: the client finds the session by its name.
        upload = await house.uploads.find(ADA, "tus", upload.key)
        assert upload.offset == start
        upload, done = await house.append(upload, start, data)
        assert (done is not None) == (start == 24)
        await house.restart()
    assert await house.read("a.bin") == b"abcdefghijklmnopqrstuvwxyz"
    assert await house.held() == 0


@test
async def test_an_empty_file(house: House) -> None:
    upload, done = await house.append(await house.begin(size=0), 0)
    assert (upload.finished, done.node.size) == (True, 0)
    assert await house.read("a.bin") == b""


@test
async def test_nothing_in_a_request(house: House) -> None:
    upload = await house.begin(size=5)
    assert await house.append(upload, 0) == (upload, None)
    assert await house.offset(upload) == 0


@pytest.mark.parametrize("offset", [0, 2, 4, 100])
@test
async def test_it_goes_on_where_it_stands(house: House, offset: int) -> None:
    upload, _ = await house.append(await house.begin(size=10), 0, b"abc")
    with pytest.raises(OffsetMismatch) as caught:
        await house.append(upload, offset, b"x")
    assert caught.value.offset == 3
    await house.append(upload, 3, b"defghij")
    assert await house.read("a.bin") == b"abcdefghij"


@test
async def test_a_client_that_knows_an_old_offset(house: House) -> None:
    """Two requests that have both seen the session at 0: the second must not overwrite what the first has brought."""
    upload = await house.begin(size=10)
    await house.append(upload, 0, b"abc")
    with pytest.raises(OffsetMismatch):
        await house.append(upload, 0, b"xyz")
    await house.append(upload, 3, b"defghij")
    assert await house.read("a.bin") == b"abcdefghij"


@test
async def test_more_than_was_announced(house: House) -> None:
    upload = await house.begin(size=5)
    with pytest.raises(TooLarge):
        await house.append(upload, 0, b"123456")
    assert await house.offset(upload) == 0
    # Without a length that is noticed only when it comes. The last byte waits for a file.
    with pytest.raises(TooLarge):
        await house.append(upload, 0, b"123", b"456", length=None)
    assert await house.offset(upload) == 4
    assert await house.read("a.bin") is None
    await house.append(upload, 4, b"5")
    assert await house.read("a.bin") == b"12345"


@test
async def test_without_length(house: House) -> None:
    upload = await house.begin(size=5)
    upload, done = await house.append(upload, 0, b"123", length=None)
    assert (upload.offset, done) == (3, None)
    upload, done = await house.append(upload, 3, b"4", b"5", length=None)
    assert upload.finished and done is not None
    assert await house.read("a.bin") == b"12345"


@test
async def test_after_the_end(house: House) -> None:
    upload, _ = await house.append(await house.begin(size=5), 0, b"12345")
    assert await house.append(upload, 5) == (upload, None)
    with pytest.raises(TooLarge):
        await house.append(upload, 5, b"6")
    for offset in (0, 4):
        with pytest.raises(OffsetMismatch) as caught:
            await house.append(upload, offset, b"x")
        assert caught.value.offset == 5
    assert await house.read("a.bin") == b"12345"


# The client breaks off


@test
async def test_what_has_come_counts(house: House) -> None:
    upload = await house.begin(size=20)
    gone = Disconnected("gone")
    with pytest.raises(Disconnected):
        await house.uploads.append(
            upload, house.space(), 0, chunks(b"abc", b"de", failure=gone), length=20, publication=house.publication("a.bin")
        )
    assert await house.offset(upload) == 5
    await house.restart()
    await house.append(upload, 5, b"fghijklmnopqrst")
    assert await house.read("a.bin") == b"abcdefghijklmnopqrst"


@test
async def test_all_has_come_and_then_the_client_breaks_off(house: House) -> None:
    """It does not know whether the end was heard: the last byte is sent again."""
    upload = await house.begin(size=3)
    with pytest.raises(Disconnected):
        await house.uploads.append(
            upload,
            house.space(),
            0,
            chunks(b"abc", failure=Disconnected("gone")),
            length=None,
            publication=house.publication("a.bin"),
        )
    assert (await house.offset(upload), await house.read("a.bin")) == (2, None)
    await house.append(upload, 2, b"c")
    assert await house.read("a.bin") == b"abc"


@test
async def test_progress_is_noted_while_a_request_runs(house: House) -> None:
    """Every 10 bytes (`checkpoint_bytes`), and never more than the storage has."""
    upload = await house.begin(size=100)
    body = request_body(house.clock, 100)
    task = Task(house.uploads.append(upload, house.space(), 0, body, length=100, publication=house.publication("a.bin")))
    body.feed(b"a" * 9)
    await until(lambda: body.waiting)
    assert await house.offset(upload) == 0
    body.feed(b"b")
    await until(lambda: body.waiting)
    assert await house.offset(upload) == 10
    body.feed(b"c" * 25)
    await until(lambda: body.waiting)
    assert await house.offset(upload) == 35
    assert (await house.stored.get(upload.id)).expires == house.seconds + 2 * 86400
    body.feed(b"d" * 3)
    await until(lambda: body.waiting)
    assert await house.offset(upload) == 35
    # Killed here: what is known by now can be continued.
    task.deferred.cancel()
    await until(lambda: task.done)
    assert isinstance(task.failure(), CancelledError)
    await house.restart()
    upload = await house.uploads.find(ADA, "tus", upload.key)
    await house.append(upload, 35, b"e" * 65)
    assert await house.read("a.bin") == b"a" * 9 + b"b" + b"c" * 25 + b"e" * 65


@test
async def test_a_full_storage(house: House) -> None:
    """The storage gives up in the middle of a request: what was noted before stays true, and can be continued."""
    upload = await house.begin(size=100)
    _, parts = await house.uploads._means.open(house.space())
    inner = parts.write_at
    calls: list[int] = []

    async def write_at(handle: str, offset: int, body: AsyncIterator[bytes], **options: object) -> int:
        calls.append(offset)
        if len(calls) == 3:
            async for _ in body:
                raise QuotaExceeded("the storage is full")
        return await inner(handle, offset, body, **options)  # type: ignore[arg-type]

    parts.write_at = write_at  # type: ignore[method-assign]
    body = request_body(house.clock, 100)
    task = Task(house.uploads.append(upload, house.space(), 0, body, length=100, publication=house.publication("a.bin")))
    for _ in range(2):
        body.feed(b"a" * 10)
        await until(lambda: body.waiting)
    body.feed(b"b" * 10)
    await until(lambda: task.done)
    assert isinstance(task.failure(), QuotaExceeded)
    assert calls == [0, 10, 20]
    assert await house.offset(upload) == 20
    assert house.uploads._means.writers.of(upload.id) == []
    await house.append(upload, 20, b"c" * 80)
    assert await house.read("a.bin") == b"a" * 20 + b"c" * 80


# Checksums


@test
async def test_a_piece_with_its_checksum(house: House) -> None:
    upload = await house.begin(size=40)
    upload, _ = await house.append(upload, 0, b"a" * 15, b"b" * 5, checksums=[sha(b"a" * 15 + b"b" * 5)])
    with pytest.raises(PieceMismatch):
        await house.append(upload, 20, b"c" * 20, checksums=[sha(b"d" * 20)])
    assert await house.offset(upload) == 20
    assert await house.read("a.bin") is None
    await house.append(upload, 20, b"d" * 20, checksums=[sha(b"d" * 20)])
    assert await house.read("a.bin") == b"a" * 15 + b"b" * 5 + b"d" * 20


@pytest.mark.parametrize("options", [{"checksums": [sha(b"a" * 30)]}, {"undivided": True}])
@test
async def test_of_such_a_piece_everything_counts_or_nothing(house: House, options: dict[str, object]) -> None:
    upload = await house.begin(size=30)
    body = request_body(house.clock, 30)
    publication = house.publication("a.bin")
    task = Task(house.uploads.append(upload, house.space(), 0, body, length=30, publication=publication, **options))  # type: ignore[arg-type]
    body.feed(b"a" * 25)
    await until(lambda: body.waiting)
    assert await house.offset(upload) == 0
    body.fail(Disconnected("gone"))
    await until(lambda: task.done)
    assert isinstance(task.failure(), Disconnected)
    assert await house.offset(upload) == 0
    await house.append(upload, 0, b"a" * 30, **options)
    assert await house.read("a.bin") == b"a" * 30


@test
async def test_a_body_that_verifies_itself(house: House) -> None:
    upload = await house.begin(size=6)
    body = chunks(b"abc", failure=PieceMismatch("wrong"))
    with pytest.raises(PieceMismatch):
        await house.uploads.append(
            upload, house.space(), 0, body, length=3, undivided=True, publication=house.publication("a.bin")
        )
    assert await house.offset(upload) == 0


@test
async def test_the_whole_with_its_checksum(house: House) -> None:
    upload = await house.begin(size=6, checksums=(sha(b"abcdef"),))
    await house.append(upload, 0, b"abc")
    upload, done = await house.append(upload, 3, b"def", publication=house.publication("a.bin", sha(b"abcdef")))
    assert done.node.checksums == str(sha(b"abcdef"))
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_the_whole_is_wrong(house: House) -> None:
    """Nobody knows which bytes: the session is over, and its bytes are gone."""
    await house.put("a.bin", b"old")
    upload = await house.begin(size=6, checksums=(sha(b"abcdef"),))
    await house.append(upload, 0, b"abX")
    with pytest.raises(ChecksumMismatch) as caught:
        await house.append(upload, 3, b"def", publication=house.publication("a.bin", sha(b"abcdef")))
    assert not isinstance(caught.value, PieceMismatch)
    with pytest.raises(UploadGone):
        await house.uploads.find(ADA, "tus", upload.key)
    assert await house.held() == 0
    assert await house.read("a.bin") == b"old"


# Publishing fails


def forbids(node: Node | None) -> None:
    raise PreconditionFailed("it was changed")


@pytest.mark.parametrize("cause", ["guard", "locked", "quota", "folder", "state"])
@test
async def test_what_could_not_be_published_is_tried_again_with_one_byte(house: House, cause: str) -> None:
    await (await house.storages.of(house.space())).make_folder(Path("d"))
    path = "d/a.bin"
    house.quota = 100
    upload = await house.begin(path, size=6)
    upload, _ = await house.append(upload, 0, b"abc", path=path)
    publication = house.publication(path)
    error: type[Exception] = PreconditionFailed
    if cause == "guard":
        publication = attrs.evolve(publication, guard=forbids)
    elif cause == "locked":
        error = Locked
        other = await house.locks.create("bob", "home$ada", Path(path), owner_xml="", deep=False, exclusive=True, timeout=60)
    elif cause == "quota":
        error = QuotaExceeded
        house.quota = 5
        publication = house.publication(path)
    elif cause == "folder":
        error = ParentMissing
        await (await house.storages.of(house.space())).remove(Path("d"))
    with house.frozen() as freeze:
        if cause == "state":
            # The state cannot be written to when the end has come: told as it is, and so is where it stands.
            error = StorageUnavailable
            publication = attrs.evolve(publication, guard=lambda node: (freeze.begin(), forbids(node)))
        with pytest.raises(error):
            await house.append(upload, 3, b"def", publication=publication)
    held = 3 if cause == "state" else 5
    assert await house.offset(upload) == held
    assert await house.read(path) is None
    await house.restart()
    upload = await house.uploads.find(ADA, "tus", upload.key)
    assert (upload.offset, upload.size, upload.finished) == (held, 6, False)

    house.quota = 100
    if cause == "locked":
        await house.locks.release("bob", other.token, "home$ada", Path(path))
    if cause == "folder":
        await (await house.storages.of(house.space())).make_folder(Path("d"))
    upload, done = await house.append(upload, held, b"abcdef"[held:], path=path)
    assert upload.finished and done is not None
    assert await house.read(path) == b"abcdef"


@test
async def test_a_request_that_is_cancelled_at_the_end(house: House) -> None:
    upload = await house.begin(size=6)
    reached: list[bool] = []
    blocked: Deferred[None] = Deferred()
    _, parts = await house.uploads._means.open(house.space())
    inner = parts.finish

    async def finish(*arguments: object) -> object:
        reached.append(True)
        await blocked
        return await inner(*arguments)  # type: ignore[arg-type]

    parts.finish = finish  # type: ignore[method-assign,assignment]
    task = Task(house.append(upload, 0, b"abcdef"))
    await until(lambda: reached)
    task.deferred.cancel()
    await until(lambda: task.done)
    assert isinstance(task.failure(), CancelledError)
    assert await house.offset(upload) == 5
    parts.finish = inner  # type: ignore[method-assign]
    await house.append(upload, 5, b"f")
    assert await house.read("a.bin") == b"abcdef"


# Killed, or cut off from the state, between publishing and noting that


async def publish_without_a_note(house: House, upload: Upload, offset: int, data: bytes) -> Upload:
    """As a kill would leave it: the file is there, and the state does not know."""
    with house.frozen() as freeze:
        publication = attrs.evolve(house.publication("a.bin"), guard=freeze.begin)
        upload, done = await house.append(upload, offset, data, publication=publication)
    # The file is in its place: that is what the client is told.
    assert upload.finished and done is not None
    await house.restart()
    there = await house.uploads.find(ADA, "tus", upload.key)
    assert not there.finished
    return there


@test
async def test_the_client_asks_again(house: House) -> None:
    upload, _ = await house.append(await house.begin(size=6), 0, b"abc")
    upload = await publish_without_a_note(house, upload, 3, b"def")
    assert upload.offset == 3
    with pytest.raises(OffsetMismatch) as caught:
        await house.append(upload, 3, b"def")
    assert caught.value.offset == 6
    upload = await house.uploads.find(ADA, "tus", upload.key)
    assert (upload.offset, upload.finished) == (6, True)
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_the_client_asks_where_it_stands(house: House) -> None:
    upload, _ = await house.append(await house.begin(size=6), 0, b"abc")
    assert (await house.uploads.settled(upload, house.space())).offset == 3
    upload = await publish_without_a_note(house, upload, 3, b"def")
    assert (await house.uploads.settled(upload)).offset == 3
    found = await house.uploads.settled(upload, house.space())
    assert (found.offset, found.finished) == (6, True)
    assert await house.uploads.find(ADA, "tus", upload.key) == found


@test
async def test_the_client_asks_again_with_a_condition_that_its_own_file_breaks(house: House) -> None:
    upload = await publish_without_a_note(house, await house.begin(size=6), 0, b"abcdef")
    with pytest.raises(OffsetMismatch):
        await house.append(upload, 0, b"abcdef", publication=attrs.evolve(house.publication("a.bin"), guard=forbids))
    assert (await house.uploads.find(ADA, "tus", upload.key)).finished


@test
async def test_the_file_is_another_one_by_now(house: House) -> None:
    upload = await publish_without_a_note(house, await house.begin(size=6), 0, b"abcdef")
    await house.put("a.bin", b"newer")
    with pytest.raises(UploadGone):
        await house.append(upload, 0, b"abcdef")
    with pytest.raises(UploadGone):
        await house.uploads.find(ADA, "tus", upload.key)
    assert await house.read("a.bin") == b"newer"


@test
async def test_nobody_asks_again(house: House) -> None:
    """The janitor must not take the file for what has to be thrown away."""
    upload = await publish_without_a_note(house, await house.begin(size=6), 0, b"abcdef")
    house.seconds += 3 * 86400
    await house.janitor.run()
    assert await house.stored.all() == []
    assert await house.read("a.bin") == b"abcdef"
    assert upload.handle


# The length comes later


@test
async def test_a_length_that_is_announced_later(house: House) -> None:
    upload = await house.begin()
    upload, _ = await house.append(upload, 0, b"abc")
    assert (upload.offset, upload.size) == (3, None)
    upload = await house.uploads.announce(upload, house.space(), 6)
    assert (await house.stored.get(upload.id)).size == 6
    assert (await house.uploads.announce(upload, house.space(), 6)).size == 6
    with pytest.raises(LengthMismatch):
        await house.uploads.announce(upload, house.space(), 7)
    with pytest.raises(LengthMismatch):
        await house.uploads.announce(attrs.evolve(upload, size=None), house.space(), 7)
    upload, done = await house.append(upload, 3, b"def")
    assert done is not None and await house.read("a.bin") == b"abcdef"


@pytest.mark.parametrize("size", [2, 2**64])
@test
async def test_a_length_that_cannot_be(house: House, size: int) -> None:
    upload, _ = await house.append(await house.begin(), 0, b"abc")
    with pytest.raises((LengthMismatch, TooLarge)):
        await house.uploads.announce(upload, house.space(), size)


@test
async def test_a_length_that_is_announced_when_all_is_there(house: House) -> None:
    """Nobody may see a session whose offset is its length while there is no file."""
    upload, _ = await house.append(await house.begin(), 0, b"abc")
    upload = await house.uploads.announce(upload, house.space(), 3)
    with pytest.raises(PreconditionFailed):
        await house.append(upload, 3, publication=attrs.evolve(house.publication("a.bin"), guard=forbids))
    there = await house.stored.get(upload.id)
    assert (there.offset, there.size, there.finished) == (3, None, False)
    upload = await house.uploads.announce(there, house.space(), 3)
    upload, done = await house.append(upload, 3)
    assert done is not None and upload.finished
    assert await house.read("a.bin") == b"abc"


# Pieces that go nowhere by themselves


@test
async def test_a_piece_is_complete_without_a_file(house: House) -> None:
    upload = await house.begin("", size=6)
    upload, _ = await house.append(upload, 0, b"abc", path="")
    upload, done = await house.append(upload, 3, b"def", path="")
    assert (upload.offset, upload.finished, done) == (6, False, None)
    assert await house.offset(upload) == 6


@test
async def test_a_piece_whose_length_comes_with_its_end(house: House) -> None:
    upload, _ = await house.append(await house.begin(""), 0, b"abc", path="")
    upload = await house.uploads.announce(upload, house.space(), 3)
    await house.append(upload, 3, path="")
    there = await house.stored.get(upload.id)
    assert (there.offset, there.size) == (3, 3)


# Two at once


@test
async def test_a_silent_connection_gives_way(house: House) -> None:
    upload = await house.begin(size=6)
    body = request_body(house.clock, 6)
    publication = house.publication("a.bin")
    dead = Task(house.uploads.append(upload, house.space(), 0, body, length=6, publication=publication))
    body.feed(b"ab")
    await until(lambda: body.waiting)
    # The client has lost its connection and asks where it stands.
    asking = Task(house.uploads.settled(upload))
    house.clock.advance(3)
    await until(lambda: asking.done and dead.done)
    assert isinstance(dead.failure(), Locked)
    assert asking.result.offset == 2
    await house.append(upload, 2, b"cdef")
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_a_busy_connection_is_not_disturbed(house: House) -> None:
    upload = await house.begin(size=6)
    body = request_body(house.clock, 6)
    publication = house.publication("a.bin")
    busy = Task(house.uploads.append(upload, house.space(), 0, body, length=6, publication=publication))
    await until(lambda: body.waiting)
    other = Task(house.append(upload, 0, b"xxxxxx"))
    for letter in b"ab":
        house.clock.advance(2)
        body.feed(bytes([letter]))
        await until(lambda: body.waiting)
    await until(lambda: other.done)
    assert isinstance(other.failure(), Locked)
    body.feed(b"cdef")
    body.end()
    await until(lambda: busy.done)
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_of_two_that_wait_one_goes_on(house: House) -> None:
    upload = await house.begin(size=6)
    body = request_body(house.clock, 6)
    publication = house.publication("a.bin")
    dead = Task(house.uploads.append(upload, house.space(), 0, body, length=6, publication=publication))
    body.feed(b"ab")
    await until(lambda: body.waiting)
    others = [Task(house.append(upload, 2, b"cdef")) for _ in range(2)]
    house.clock.advance(3)
    await until(lambda: all(other.done for other in others))
    assert isinstance(dead.failure(), Locked)
    assert isinstance(others[1].failure(), OffsetMismatch)
    assert others[0].result[1] is not None
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_a_cancelled_request_leaves_nothing_behind(house: House) -> None:
    upload = await house.begin(size=6)
    body = request_body(house.clock, 6)
    first = Task(house.uploads.append(upload, house.space(), 0, body, length=6, publication=house.publication("a.bin")))
    await until(lambda: body.waiting)
    second = Task(house.append(upload, 0, b"abcdef"))
    second.deferred.cancel()
    assert isinstance(second.failure(), CancelledError)
    first.deferred.cancel()
    await until(lambda: first.done)
    assert isinstance(first.failure(), CancelledError)
    assert house.clock.getDelayedCalls() == []
    await house.append(upload, 0, b"abcdef")
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_ended_while_it_is_written_to(house: House) -> None:
    """By an operator: the request that is at it does not bring the session back to life."""
    upload = await house.begin(size=100)
    body = request_body(house.clock, 100)
    task = Task(house.uploads.append(upload, house.space(), 0, body, length=100, publication=house.publication("a.bin")))
    body.feed(b"a" * 10)
    await until(lambda: body.waiting)
    await house.stored.expire([upload.id])
    body.feed(b"a" * 10)
    await until(lambda: task.done)
    assert isinstance(task.failure(), UploadGone)
    with pytest.raises(UploadGone):
        await house.uploads.find(ADA, "tus", upload.key)
    with pytest.raises(UploadGone):
        await house.append(upload, 10, b"a")
    await house.janitor.run()
    assert (await house.stored.all(), await house.held()) == ([], 0)


# The state fails


@test
async def test_progress_that_cannot_be_noted(house: House) -> None:
    upload = await house.begin(size=30)
    with house.frozen() as freeze:
        freeze.begin()
        with pytest.raises(StorageUnavailable):
            await house.append(upload, 0, b"a" * 10, b"b" * 10)
    assert await house.offset(upload) == 0
    assert house.uploads._means.writers.of(upload.id) == []
    await house.append(upload, 0, b"c" * 30)
    assert await house.read("a.bin") == b"c" * 30
