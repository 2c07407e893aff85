from __future__ import annotations

import random
import shutil

import attrs
import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from clawgate.errors import (
    ChecksumMismatch,
    Disconnected,
    InvalidRequest,
    LengthMismatch,
    Locked,
    NotSupported,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
    StorageUnavailable,
    TooLarge,
    UploadGone,
)
from clawgate.gateway.uploads.layout import Chunk
from clawgate.model.content import Checksum
from clawgate.model.node import Node
from clawgate.model.path import Path
from clawgate.model.upload import Part, Upload
from clawgate.web.body import RequestBody

from .bodies import Task, chunks, request_body, until
from .house import ADA, House

test = pytest_twisted.ensureDeferred


async def begin(house: House, size: int | None = None) -> Upload:
    return await house.uploads.begin(ADA, house.place(""), "ng", "4711", size=size)


def sending(house: House, upload: Upload, chunk: Chunk) -> tuple[Task, RequestBody]:
    """A chunk whose content the test feeds."""
    body = request_body(house.clock, chunk.length)
    return Task(house.uploads.put_part(upload, house.space(), chunk, body)), body


async def ranges(house: House, upload: Upload) -> dict[str, tuple[int, int]]:
    return {part.name: (part.start, part.stop) for part in await house.uploads.parts(upload)}


async def handle(house: House, upload: Upload) -> str:
    return (await house.stored.get(upload.id)).handle


# Chunks in any order


@test
async def test_one_after_the_other(house: House) -> None:
    upload = await begin(house)
    for i, data in enumerate((b"aaaa", b"bbbb", b"cc", b"")):
        part = await house.put_part(upload, str(i), data)
        start = min(4 * i, 10)
        assert part == (str(i), start, start + len(data))
        await house.restart()
    before = await handle(house, upload)
    written = await house.uploads.finish(upload, house.publication("a.bin"))
    assert not written.replaced
    assert await house.read("a.bin") == b"aaaabbbbcc"
    found = await house.uploads.find(ADA, "ng", "4711")
    assert (found.finished, found.size, found.path, found.result) == (True, 10, "a.bin", written.node.etag)
    assert before and await house.held() == 0
    assert await house.uploads.parts(upload) == []


@pytest.mark.parametrize("seed", range(6))
@test
async def test_any_order(house: House, seed: int) -> None:
    chance = random.Random(seed)
    count, base = chance.randint(2, 7), seed % 2
    pieces = [bytes([65 + i]) * (3 if i < count - 1 else 2) for i in range(count)]
    upload = await begin(house, sum(map(len, pieces)) if seed % 3 else None)
    order = list(range(count))
    chance.shuffle(order)
    for i in order:
        await house.put_part(upload, f"{base + i:05}", pieces[i])
    # Sent again: the last one counts.
    again = chance.choice(order)
    pieces[again] = pieces[again].lower()
    await house.put_part(upload, f"{base + again:05}", pieces[again])
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"".join(pieces)
    assert await house.held() == 0


@test
async def test_by_offset_in_any_order(house: House) -> None:
    upload = await begin(house, 30)
    for start in (20, 0, 10):
        await house.put_part(upload, f"{start:016}", bytes([65 + start]) * 10, start)
    before = await handle(house, upload)
    with pytest.raises(PreconditionFailed):
        await house.uploads.finish(upload, house.publication("a.bin", guard=forbids))
    # It lay in order: nothing was copied.
    assert await handle(house, upload) == before
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"A" * 10 + b"K" * 10 + b"U" * 10


@test
async def test_in_parallel(house: House) -> None:
    upload = await begin(house)
    under_way = []
    for i in range(4):
        under_way.append(sending(house, upload, Chunk(str(i), 4, index=i)))
        await until(lambda: under_way[-1][1].waiting)
    for letter in (b"ab", b"cd"):
        for _, body in reversed(under_way):
            body.feed(letter)
    for task, body in under_way:
        body.end()
        await until(lambda task=task: task.done)
    assert await ranges(house, upload) == {str(i): (4 * i, 4 * i + 4) for i in range(4)}
    before = await handle(house, upload)
    with pytest.raises(PreconditionFailed):
        await house.uploads.finish(upload, house.publication("a.bin", guard=forbids))
    assert await handle(house, upload) == before
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"abcd" * 4


@test
async def test_what_it_reads_of_the_state_is_not_older_than_what_it_knows_of_others(house: House) -> None:
    """A chunk that is noted and gone while the state is being read must not be overwritten by the one that reads."""
    upload = await begin(house)
    inner, slow = house.stored.parts, Deferred[None]()

    async def parts(id: str) -> list[Part]:
        found = await inner(id)
        await slow
        return found

    house.stored.parts = parts  # type: ignore[method-assign]
    # A number that is no position: it goes behind all that is known.
    late = Task(house.put_part(upload, "999999999", b"late"))
    house.stored.parts = inner  # type: ignore[method-assign]
    await house.put_part(upload, "777777777", b"first")
    slow.callback(None)
    await until(lambda: late.done)
    assert await ranges(house, upload) == {"777777777": (0, 5), "999999999": (5, 9)}


# Chunks that fail


@test
async def test_a_chunk_that_breaks_off_does_not_count(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"aaaa")
    for failure, error, length in ((Disconnected("gone"), Disconnected, 4), (None, LengthMismatch, 4)):
        with pytest.raises(error):
            await house.uploads.put_part(upload, house.space(), Chunk("1", length, index=1), chunks(b"bb", failure=failure))
    with pytest.raises(TooLarge):
        await house.uploads.put_part(upload, house.space(), Chunk("1", 4, index=1), chunks(b"bbbbb"))
    assert await ranges(house, upload) == {"0": (0, 4)}
    await house.put_part(upload, "1", b"BBBB")
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaaBBBB"


@test
async def test_while_a_chunk_is_replaced_it_is_missing(house: House) -> None:
    upload = await begin(house, 12)
    for i in range(3):
        await house.put_part(upload, str(i), b"aaaa")
    with pytest.raises(Disconnected):
        await house.uploads.put_part(upload, house.space(), Chunk("1", 4, index=1), chunks(b"b", failure=Disconnected("gone")))
    assert sorted(await ranges(house, upload)) == ["0", "2"]
    with pytest.raises(LengthMismatch):
        await house.uploads.finish(upload, house.publication("a.bin"))
    await house.put_part(upload, "1", b"cccc")
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaaccccaaaa"


@test
async def test_a_chunk_that_cannot_be_noted_does_not_count(house: House) -> None:
    upload = await begin(house)
    with house.frozen() as freeze:
        freeze.begin()
        with pytest.raises(StorageUnavailable):
            await house.put_part(upload, "0", b"aaaa")
    assert await ranges(house, upload) == {}
    await house.put_part(upload, "0", b"bbbb")
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"bbbb"


@test
async def test_a_cancelled_chunk_leaves_nothing_behind(house: House) -> None:
    house.quota = 100
    upload = await begin(house)
    task, body = sending(house, upload, Chunk("0", 80, index=0))
    await until(lambda: body.waiting)
    waiting, _ = sending(house, upload, Chunk("0", 80, index=0))
    await until(lambda: house.clock.getDelayedCalls())
    waiting.deferred.cancel()
    task.deferred.cancel()
    await until(lambda: task.done and waiting.done)
    assert isinstance(task.failure(), CancelledError)
    assert isinstance(waiting.failure(), CancelledError)
    assert house.clock.getDelayedCalls() == []
    assert house.uploads._means.writers.of(upload.id) == []
    # The claim on the quota is gone too.
    await house.put_part(upload, "0", b"a" * 100)


@pytest.mark.limits(parts=2)
@test
async def test_too_many_chunks(house: House) -> None:
    upload = await begin(house)
    for i in range(2):
        await house.put_part(upload, str(i), b"a")
    with pytest.raises(InvalidRequest, match="at most 2 chunks"):
        await house.put_part(upload, "2", b"a")
    await house.put_part(upload, "1", b"b")
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"ab"


@pytest.mark.parametrize(
    ("chunk", "error"),
    [
        (Chunk("x", 5, 8), InvalidRequest),
        (Chunk("x", 1, 20), InvalidRequest),
        (Chunk("x", 5, 2**64), TooLarge),
        (Chunk("9", 11, index=9), InvalidRequest),
    ],
)
@test
async def test_chunks_that_cannot_be(house: House, chunk: Chunk, error: type[Exception]) -> None:
    upload = await begin(house, 20)
    await house.put_part(upload, "0", b"a" * 10, 0)
    with pytest.raises(error):
        await house.uploads.put_part(upload, house.space(), chunk, chunks(b"b" * (chunk.length or 0)))
    assert await ranges(house, upload) == {"0": (0, 10)}


@test
async def test_chunks_of_a_finished_upload(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"a")
    await house.uploads.finish(upload, house.publication("a.bin"))
    with pytest.raises(UploadGone):
        await house.put_part(upload, "1", b"b")
    assert await house.read("a.bin") == b"a"


@test
async def test_dropping_chunks(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"a")
    assert await house.uploads.has_part(upload, "0")
    await house.uploads.drop_part(upload, "0")
    assert not await house.uploads.has_part(upload, "0")
    with pytest.raises(UploadGone):
        await house.uploads.drop_part(upload, "0")


# Chunks of unknown length


@test
async def test_without_length(house: House) -> None:
    upload = await begin(house)
    for i, data in enumerate((b"aaaa", b"bb", b"cccccc")):
        part = await house.uploads.put_part(upload, house.space(), Chunk(str(i), None, index=i), chunks(data))
        assert part.stop - part.start == len(data)
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaabbcccccc"


@test
async def test_without_length_it_does_not_overwrite_what_follows(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "10", b"b" * 10, 10)
    with pytest.raises(InvalidRequest, match="overlaps"):
        await house.uploads.put_part(upload, house.space(), Chunk("0", None, 0), chunks(b"a" * 8, b"a" * 8))
    assert await ranges(house, upload) == {"10": (10, 20)}
    await house.uploads.put_part(upload, house.space(), Chunk("0", None, 0), chunks(b"a" * 8, b"a" * 2))
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"a" * 10 + b"b" * 10


@test
async def test_without_length_it_stays_within_the_whole(house: House) -> None:
    upload = await begin(house, 10)
    with pytest.raises(TooLarge):
        await house.uploads.put_part(upload, house.space(), Chunk("5", None, 5), chunks(b"a" * 6))
    await house.uploads.put_part(upload, house.space(), Chunk("5", None, 5), chunks(b"a" * 5))


@pytest.mark.parametrize("size", [None, 100])
@test
async def test_what_comes_after_one_without_length_waits_for_it(house: House, size: int | None) -> None:
    upload = await begin(house, size)
    first, body = sending(house, upload, Chunk("0", None, index=0))
    await until(lambda: body.waiting)
    second = Task(house.put_part(upload, "1", b"bbbb"))
    body.feed(b"aaa")
    await until(lambda: body.waiting)
    assert not second.done
    body.end()
    await until(lambda: first.done and second.done)
    assert await ranges(house, upload) == {"0": (0, 3), "1": (3, 7)}


# Two that want the same


@test
async def test_a_dead_connection_gives_way_to_the_same_chunk(house: House) -> None:
    upload = await begin(house)
    dead, body = sending(house, upload, Chunk("0", 4, index=0))
    body.feed(b"xx")
    await until(lambda: body.waiting)
    task = Task(house.put_part(upload, "0", b"aaaa"))
    await until(lambda: house.clock.getDelayedCalls())
    house.clock.advance(3)
    await until(lambda: dead.done and task.done)
    assert isinstance(dead.failure(), Locked)
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaa"


@test
async def test_a_dead_connection_gives_way_to_chunks_of_another_length(house: House) -> None:
    """The ownCloud client measures its chunks anew after a break."""
    upload = await begin(house, 12)
    dead, body = sending(house, upload, Chunk("0000", 12, 0))
    body.feed(b"x" * 7)
    await until(lambda: body.waiting)
    task = Task(house.put_part(upload, "0004", b"bbbb", 4))
    await until(lambda: house.clock.getDelayedCalls())
    house.clock.advance(3)
    await until(lambda: dead.done and task.done)
    assert await ranges(house, upload) == {"0004": (4, 8)}
    for start, letter in ((0, b"a"), (8, b"c")):
        await house.put_part(upload, f"{start:04}", letter * 4, start)
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaabbbbcccc"


@test
async def test_a_busy_one_is_not_disturbed(house: House) -> None:
    upload = await begin(house)
    busy, body = sending(house, upload, Chunk("0", 4, index=0))
    await until(lambda: body.waiting)
    other = Task(house.put_part(upload, "0", b"xxxx"))
    finish = Task(house.uploads.finish(upload, house.publication("a.bin")))
    await until(lambda: len(house.clock.getDelayedCalls()) == 2)
    for letter in b"ab":
        house.clock.advance(2)
        body.feed(bytes([letter]))
        await until(lambda: body.waiting)
    await until(lambda: other.done and finish.done)
    assert isinstance(other.failure(), Locked)
    assert isinstance(finish.failure(), Locked)
    body.feed(b"cd")
    body.end()
    await until(lambda: busy.done)
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"abcd"


@test
async def test_finishing_cuts_off_who_is_silent(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"aaaa")
    dead, body = sending(house, upload, Chunk("1", 4, index=1))
    await until(lambda: body.waiting)
    finish = Task(house.uploads.finish(upload, house.publication("a.bin", size=4)))
    await until(lambda: house.clock.getDelayedCalls())
    house.clock.advance(3)
    await until(lambda: dead.done and finish.done)
    assert finish.result.node.size == 4


# The end


def forbids(node: Node | None) -> None:
    raise PreconditionFailed("it was changed")


@pytest.mark.parametrize(
    ("starts", "announced", "error"),
    [
        ((0, 20), None, InvalidRequest),
        ((0, 20), 20, InvalidRequest),
        ((10, 20), None, InvalidRequest),
        ((0, 10), 30, LengthMismatch),
        ((0, 10), 10, LengthMismatch),
        ((), None, InvalidRequest),
    ],
)
@test
async def test_what_is_not_a_whole(house: House, starts: tuple[int, ...], announced: int | None, error: type[Exception]) -> None:
    upload = await begin(house)
    for start in starts:
        await house.put_part(upload, f"{start:016}", b"a" * 10, start)
    with pytest.raises(error):
        await house.uploads.finish(upload, house.publication("a.bin", size=announced))
    assert len(await house.uploads.parts(upload)) == len(starts)
    assert await house.read("a.bin") is None
    assert await house.held() == 1


@test
async def test_two_lengths(house: House) -> None:
    upload = await begin(house, 5)
    await house.put_part(upload, "0", b"aaaaa")
    with pytest.raises(LengthMismatch, match="5 bytes were announced at first, 6 are now"):
        await house.uploads.finish(upload, house.publication("a.bin", size=6))
    await house.uploads.finish(upload, house.publication("a.bin", size=5))


@test
async def test_an_empty_file(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"")
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b""


@test
async def test_what_came_in_the_wrong_place_is_put_in_order(house: House) -> None:
    upload = await begin(house)
    # Counted from 0, and 1 comes first: it is taken for the first one.
    for i, data in ((1, b"bbbb"), (0, b"aaaa"), (2, b"cc")):
        await house.put_part(upload, str(i), data)
    assert await ranges(house, upload) == {"1": (0, 4), "0": (4, 8), "2": (8, 10)}
    before = await handle(house, upload)
    with pytest.raises(PreconditionFailed):
        await house.uploads.finish(upload, house.publication("a.bin", guard=forbids))
    after = await handle(house, upload)
    assert after != before
    assert await ranges(house, upload) == {"0": (0, 4), "1": (4, 8), "2": (8, 10)}
    assert await house.held() == 1
    # `upload` still names the handle that is no more: whoever continues it must not.
    await house.put_part(upload, "1", b"BBBB")
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaaBBBBcc"
    assert await house.held() == 0


@test
async def test_putting_in_order_is_interrupted(house: House) -> None:
    """Between the copy and the note of it: the old one counts, and the janitor takes the new one."""
    upload = await begin(house)
    for i, data in ((1, b"bbbb"), (0, b"aaaa")):
        await house.put_part(upload, str(i), data)
    before = await handle(house, upload)
    with house.frozen() as freeze:
        freeze.begin()
        with pytest.raises(StorageUnavailable):
            await house.uploads.finish(upload, house.publication("a.bin"))
    await house.restart()
    assert await handle(house, upload) == before
    assert await house.held() == 2
    await house.storages.of(house.space())
    await house.janitor.run(0)
    assert await house.held() == 1
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaabbbb"


@test
async def test_a_cancelled_note_may_have_been_made(house: House) -> None:
    """Then the state names the new copy: it must still be there."""
    upload = await begin(house)
    for i, data in ((1, b"bbbb"), (0, b"aaaa")):
        await house.put_part(upload, str(i), data)
    inner, noted = house.stored.rearrange, []

    async def rearrange(*arguments: object) -> None:
        await inner(*arguments)  # type: ignore[arg-type]
        noted.append(True)
        raise CancelledError

    house.stored.rearrange = rearrange  # type: ignore[method-assign,assignment]
    with pytest.raises(CancelledError):
        await house.uploads.finish(upload, house.publication("a.bin"))
    await house.restart()
    assert noted
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaabbbb"


@pytest.mark.parametrize("cause", ["guard", "locked", "quota", "folder"])
@test
async def test_what_could_not_be_published_can_be_finished_again(house: House, cause: str) -> None:
    upload = await begin(house)
    for i in range(2):
        await house.put_part(upload, str(i), b"aaaa")
    path = "a.bin"
    error: type[Exception] = PreconditionFailed
    publication = house.publication(path, guard=forbids if cause == "guard" else None)
    if cause == "locked":
        error = Locked
        lock = await house.locks.create("bob", "home$ada", Path(path), owner_xml="", deep=False, exclusive=True, timeout=60)
    elif cause == "quota":
        error = QuotaExceeded
        house.quota = 5
        publication = house.publication(path)
    elif cause == "folder":
        error = ParentMissing
        publication = house.publication("d/a.bin")
    with pytest.raises(error):
        await house.uploads.finish(upload, publication)
    await house.restart()
    assert len(await house.uploads.parts(upload)) == 2
    house.quota = None
    if cause == "locked":
        await house.locks.release("bob", lock.token, "home$ada", Path(path))
    await house.uploads.finish(upload, house.publication(path))
    assert await house.read(path) == b"aaaaaaaa"


@test
async def test_a_wrong_checksum(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"aaaa")
    with pytest.raises(ChecksumMismatch):
        await house.uploads.finish(upload, house.publication("a.bin", Checksum("ADLER32", "00000000")))
    assert await house.read("a.bin") is None
    # What to do with it the dialect knows.
    await house.uploads.abort(upload, house.space())
    await house.uploads.abort(upload, house.space())
    assert await house.held() == 0


@test
async def test_finished_again(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"aaaa")
    first = await house.uploads.finish(upload, house.publication("a.bin"))
    await house.restart()
    for _ in range(2):
        again = await house.uploads.finish(upload, house.publication("a.bin", guard=forbids))
        assert again.node.id == first.node.id
    with pytest.raises(UploadGone):
        await house.uploads.finish(upload, house.publication("b.bin"))
    # Another version, by somebody else: it has the same id, and is not what this client has sent.
    other = await house.put("a.bin", b"other")
    assert other.node.id == first.node.id
    with pytest.raises(UploadGone):
        await house.uploads.finish(upload, house.publication("a.bin"))
    await (await house.storages.of(house.space())).remove(Path("a.bin"))
    with pytest.raises(UploadGone):
        await house.uploads.finish(upload, house.publication("a.bin"))
    house.seconds += 3600
    with pytest.raises(UploadGone):
        await house.uploads.find(ADA, "ng", "4711")
    await house.uploads.expired()
    assert await house.stored.all() == []


@pytest.mark.parametrize("replacing", [False, True])
@test
async def test_killed_between_publishing_and_noting_it(house: House, replacing: bool) -> None:
    if replacing:
        await house.put("a.bin", b"old")
    upload = await begin(house)
    for i, data in ((1, b"bbbb"), (0, b"aaaa")):
        await house.put_part(upload, str(i), data)
    with house.frozen() as freeze:
        # Putting it in order needs the state: it is cut off only then.
        inner = house.stored.rearrange

        async def rearrange(*arguments: object) -> None:
            await inner(*arguments)  # type: ignore[arg-type]
            freeze.begin()

        house.stored.rearrange = rearrange  # type: ignore[method-assign,assignment]
        first = await house.uploads.finish(upload, house.publication("a.bin"))
    assert first.node.size == 8
    await house.restart()
    assert not (await house.stored.get(upload.id)).finished
    # The client has not heard of it, and its condition is about what was there before.
    again = await house.uploads.finish(upload, house.publication("a.bin", guard=forbids))
    assert again.node.id == first.node.id
    assert await house.read("a.bin") == b"aaaabbbb"
    assert (await house.uploads.find(ADA, "ng", "4711")).finished


@test
async def test_the_bytes_are_gone(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"aaaa")
    _, parts = await house.uploads._means.open(house.space())
    await parts.abort(await handle(house, upload))
    with pytest.raises(UploadGone):
        await house.put_part(upload, "1", b"bbbb")
    assert len(await house.stored.all()) == 1
    with pytest.raises(UploadGone):
        await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.stored.all() == []


@test
async def test_a_storage_that_is_not_there_has_lost_nothing(posix_house: House) -> None:
    """Another directory where the space was, as when its file system is not mounted: sessions are kept."""
    house = posix_house
    await house.put("known", b"")
    upload = await begin(house)
    await house.put_part(upload, "0", b"aaaa")
    home = house.folder / "files" / "ada"
    home.rename(house.folder / "elsewhere")
    home.mkdir()
    await house.restart()
    with pytest.raises(StorageUnavailable):
        await house.uploads.finish(upload, house.publication("a.bin"))
    shutil.rmtree(home)
    (house.folder / "elsewhere").rename(home)
    await house.restart()
    await house.uploads.finish(upload, house.publication("a.bin"))
    assert await house.read("a.bin") == b"aaaa"


@test
async def test_another_space(house: House) -> None:
    upload = await begin(house)
    await house.put_part(upload, "0", b"aaaa")
    elsewhere = attrs.evolve(house.publication("a.bin"), place=house.place("a.bin", "bob"))
    with pytest.raises(NotSupported):
        await house.uploads.finish(upload, elsewhere)
