from __future__ import annotations

import attrs
import pytest
import pytest_twisted

from clawgate.errors import (
    InvalidRequest,
    Locked,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
    StorageUnavailable,
    UploadGone,
)
from clawgate.gateway.tree import Guard
from clawgate.model.content import Written
from clawgate.model.node import Node
from clawgate.model.upload import Upload

from .bodies import Task, request_body, until
from .house import ADA, House

test = pytest_twisted.ensureDeferred


async def piece(house: House, data: bytes, size: int | None = None) -> Upload:
    upload = await house.begin("", size=len(data) if size is None else size)
    upload, _ = await house.append(upload, 0, data, path="")
    return upload


async def join(house: House, *pieces: Upload, path: str = "a.bin", guard: Guard | None = None) -> tuple[Upload, Written]:
    return await house.uploads.join(pieces, house.publication(path, guard=guard), "tus", {"concat": "final"})


def forbids(node: Node | None) -> None:
    raise PreconditionFailed("it was changed")


def free(node: Node | None) -> None:
    if node is not None:
        raise PreconditionFailed("something is there")


@test
async def test_pieces_become_a_file(house: House) -> None:
    pieces = [await piece(house, data) for data in (b"abc", b"", b"defgh")]
    await house.restart()
    upload, done = await join(house, *pieces)
    assert (upload.finished, upload.size, upload.offset, upload.extra) == (True, 8, 8, {"concat": "final"})
    assert done.node.size == 8
    assert await house.read("a.bin") == b"abcdefgh"
    assert await house.uploads.find(ADA, "tus", upload.key) == attrs.evolve(upload, result=done.node.etag)
    assert await house.held() == 0
    assert [one.id for one in await house.stored.all()] == [upload.id]


@test
async def test_the_same_piece_twice(house: House) -> None:
    one, two = await piece(house, b"ab"), await piece(house, b"c")
    upload, _ = await join(house, one, two, one)
    assert (upload.size, await house.read("a.bin")) == (5, b"abcab")
    assert await house.held() == 0


@test
async def test_pieces_that_are_not_complete(house: House) -> None:
    whole, part = await piece(house, b"abc"), await piece(house, b"de", 5)
    unknown = await house.begin("")
    for other in (part, unknown):
        with pytest.raises(InvalidRequest, match="not complete"):
            await join(house, whole, other)
    assert await house.held() == 3
    await house.append(part, 2, b"fgh", path="")
    await join(house, whole, part)
    assert await house.read("a.bin") == b"abcdefgh"


@test
async def test_pieces_of_another_space(house: House) -> None:
    whole = await piece(house, b"abc")
    elsewhere = attrs.evolve(house.publication("a.bin"), place=house.place("a.bin", "bob"))
    with pytest.raises(InvalidRequest, match="another space"):
        await house.uploads.join([whole], elsewhere, "tus", {})
    assert await house.held() == 1


@test
async def test_pieces_that_have_become_files(house: House) -> None:
    upload, _ = await house.append(await house.begin(size=3), 0, b"abc")
    with pytest.raises(InvalidRequest, match="not complete"):
        await join(house, upload, path="b.bin")


@test
async def test_pieces_that_are_gone(house: House) -> None:
    whole = await piece(house, b"abc")
    await house.uploads.abort(whole, house.space())
    with pytest.raises(UploadGone):
        await join(house, whole)


@pytest.mark.parametrize("cause", ["guard", "folder", "quota"])
@test
async def test_what_cannot_be_published_leaves_the_pieces(house: House, cause: str) -> None:
    pieces = [await piece(house, b"abc"), await piece(house, b"def")]
    error: type[Exception] = PreconditionFailed
    if cause == "quota":
        house.quota, error = 5, QuotaExceeded
    if cause == "folder":
        error = ParentMissing
    with pytest.raises(error):
        await join(house, *pieces, path="d/a.bin" if cause == "folder" else "a.bin", guard=forbids if cause == "guard" else None)
    assert await house.held() == 2
    assert len(await house.stored.all()) == 2
    house.quota = None
    await join(house, *pieces)
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_the_condition_breaks_while_they_are_put_together(house: House) -> None:
    pieces = [await piece(house, b"abc"), await piece(house, b"def")]
    asked: list[Node | None] = []

    def second(node: Node | None) -> None:
        asked.append(node)
        if len(asked) == 2:
            raise PreconditionFailed("it was changed")

    with pytest.raises(PreconditionFailed):
        await join(house, *pieces, guard=second)
    assert (await house.held(), len(await house.stored.all())) == (2, 2)
    await join(house, *pieces)
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_quota(house: House) -> None:
    """The pieces have reserved their bytes; for a while they are on the storage twice, which the quota does not count."""
    house.quota = 6
    pieces = [await piece(house, b"abc"), await piece(house, b"def")]
    await join(house, *pieces)
    assert await house.stored.reserved("home$ada", house.now()) == 0
    # In place of the file.
    house.quota = 12
    pieces = [await piece(house, b"ABC"), await piece(house, b"DEF")]
    house.quota = 6
    await join(house, *pieces)
    assert await house.read("a.bin") == b"ABCDEF"


@test
async def test_killed_between_publishing_and_noting_it(house: House) -> None:
    pieces = [await piece(house, b"abc"), await piece(house, b"def")]
    with house.frozen() as freeze:
        inner = house.stored.create

        async def create(*arguments: object, **options: object) -> None:
            await inner(*arguments, **options)  # type: ignore[arg-type]
            freeze.begin()

        house.stored.create = create  # type: ignore[method-assign,assignment]
        upload, first = await join(house, *pieces, guard=free)
    # The file is in its place and the client is told so.
    assert upload.finished
    await house.restart()
    assert sorted(one.finished for one in await house.stored.all()) == [False] * 3
    # It has not heard of it: its own file must not stand in its way.
    again, second = await join(house, *pieces, guard=free)
    assert (again.id, second.node.id) == (upload.id, first.node.id)
    assert await house.read("a.bin") == b"abcdef"
    assert [(one.id, one.finished) for one in await house.stored.all()] == [(upload.id, True)]
    assert await house.held() == 0


@test
async def test_killed_between_putting_together_and_publishing(house: House) -> None:
    pieces = [await piece(house, b"abc"), await piece(house, b"def")]
    _, parts = await house.uploads._means.open(house.space())
    inner = parts.finish

    async def finish(*arguments: object) -> Written:
        raise ZeroDivisionError

    parts.finish = finish  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError):
        await join(house, *pieces)
    parts.finish = inner  # type: ignore[method-assign]
    await house.restart()
    assert (await house.held(), len(await house.stored.all())) == (3, 3)
    assert await house.stored.reserved("home$ada", house.now()) == 6
    await join(house, *pieces)
    assert await house.read("a.bin") == b"abcdef"
    assert (await house.held(), len(await house.stored.all())) == (0, 1)


@test
async def test_the_state_fails_before_anything_is_published(house: House) -> None:
    pieces = [await piece(house, b"abc"), await piece(house, b"def")]
    with house.frozen() as freeze:
        freeze.begin()
        with pytest.raises(StorageUnavailable):
            await join(house, *pieces)
    assert await house.read("a.bin") is None
    await join(house, *pieces)
    assert await house.read("a.bin") == b"abcdef"


@test
async def test_a_piece_is_being_written(house: House) -> None:
    whole = await piece(house, b"abc")
    part = await house.begin("", size=3)
    body = request_body(house.clock, 3)
    writing = Task(house.uploads.append(part, house.space(), 0, body, length=3))
    await until(lambda: body.waiting)
    joining = Task(join(house, whole, part))
    for letter in b"de":
        house.clock.advance(2)
        body.feed(bytes([letter]))
        await until(lambda: body.waiting)
    await until(lambda: joining.done)
    assert isinstance(joining.failure(), Locked)
    joining = Task(join(house, whole, part))
    body.feed(b"f")
    body.end()
    await until(lambda: writing.done and joining.done)
    assert await house.read("a.bin") == b"abcdef"
    assert house.clock.getDelayedCalls() == []


@test
async def test_twice_at_once(house: House) -> None:
    pieces = [await piece(house, b"abc"), await piece(house, b"def")]
    tasks = [Task(join(house, *pieces)) for _ in range(2)]
    await until(lambda: all(task.done for task in tasks))
    assert tasks[0].result[1].node.size == 6
    # The pieces are gone then.
    assert isinstance(tasks[1].failure(), UploadGone)
    assert await house.read("a.bin") == b"abcdef"
