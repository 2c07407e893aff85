from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from clawgate.errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    IsAFolder,
    Locked,
    NotSupported,
    Overloaded,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
    StorageUnavailable,
    TooLarge,
    UploadGone,
)
from clawgate.interfaces import Abilities
from clawgate.model.content import Checksum
from clawgate.model.node import Node
from clawgate.model.path import Path
from clawgate.model.permissions import READ_ONLY, Permissions

from .bodies import Task, chunks, request_body, until
from .house import ADA, BOB, House

test = pytest_twisted.ensureDeferred
SUM = Checksum("SHA1", "ab" * 20)


def forbids(node: Node | None) -> None:
    raise PreconditionFailed("it was changed")


@test
async def test_begun_and_found(house: House) -> None:
    upload = await house.begin(size=5, checksums=(SUM,), mtime_ns=7, extra={"a": [1]})
    assert (upload.key, upload.offset, upload.finished, len(upload.id)) == (upload.id, 0, False, 32)
    assert upload.expires == house.seconds + 2 * 86400
    named = await house.begin("", dialect="ng", key="4711")
    await house.restart()
    assert await house.uploads.find(ADA, "tus", upload.key) == upload
    assert await house.uploads.find(ADA, "ng", "4711") == named
    for actor, dialect, key in ((BOB, "tus", upload.key), (ADA, "ng", upload.key), (ADA, "tus", "4711"), (ADA, "tus", "")):
        with pytest.raises(UploadGone):
            await house.uploads.find(actor, dialect, key)
    house.seconds += 2 * 86400
    with pytest.raises(UploadGone):
        await house.uploads.find(ADA, "tus", upload.key)


@test
async def test_a_name_is_taken_until_the_session_is_over(house: House) -> None:
    first = await house.begin("", dialect="ng", key="1")
    with pytest.raises(AlreadyExists):
        await house.begin("", dialect="ng", key="1")
    assert await house.held() == 1
    house.seconds += 2 * 86400
    second = await house.begin("", dialect="ng", key="1")
    assert second.id != first.id
    # What the first one has left is nobody's now.
    await house.janitor.run(0)
    assert await house.held() == 1
    await house.put_part(second, "0", b"a")


@pytest.mark.limits(per_user=2)
@test
async def test_nobody_has_too_many(house: House) -> None:
    first = await house.begin()
    await house.begin()
    with pytest.raises(Overloaded):
        await house.begin()
    assert await house.held() == 2
    await house.append(await house.uploads.announce(first, house.space(), 1), 0, b"a")
    await house.begin()


@pytest.mark.parametrize(
    ("path", "permissions", "error"),
    [
        ("folder", None, IsAFolder),
        ("nowhere/a", None, ParentMissing),
        ("file/a", None, ParentMissing),
        ("nowhere/at/all", None, ParentMissing),
        ("a\\b", None, InvalidRequest),
        ("a", READ_ONLY, Forbidden),
        ("", READ_ONLY, Forbidden),
        ("file", Permissions.READ | Permissions.CREATE, Forbidden),
        ("new", Permissions.READ | Permissions.WRITE, Forbidden),
        ("locked", None, Locked),
    ],
)
@test
async def test_refused_at_once(house: House, path: str, permissions: Permissions | None, error: type[Exception]) -> None:
    storage = await house.storages.of(house.space())
    await storage.make_folder(Path("folder"))
    for name in ("file", "locked"):
        await house.put(name, b"1")
    await house.locks.create("bob", "home$ada", Path("locked"), deep=False, exclusive=True, owner_xml="", timeout=60)
    place = house.place(path) if permissions is None else house.place(path, permissions=permissions)
    with pytest.raises(error):
        await house.uploads.begin(ADA, place, "tus", size=1)
    assert (await house.stored.all(), await house.held()) == ([], 0)


@test
async def test_conditions_are_asked_at_once(house: House) -> None:
    with pytest.raises(PreconditionFailed):
        await house.begin(guard=forbids)
    with pytest.raises(TooLarge):
        await house.begin(size=2**63)
    assert (await house.stored.all(), await house.held()) == ([], 0)


@test
async def test_a_storage_without_parts(house: House) -> None:
    storage = await house.storages.of(house.space())
    storage.abilities = Abilities()
    with pytest.raises(NotSupported):
        await house.begin()


@test
async def test_a_state_that_fails(house: House) -> None:
    with house.frozen() as freeze:
        freeze.begin()
        with pytest.raises(StorageUnavailable):
            await house.begin()
    assert await house.stored.all() == []
    await house.janitor.run(0)
    assert await house.held() == 0


@test
async def test_cancelled_while_it_is_noted(house: House) -> None:
    """The state does it all the same: nothing may stay of a session that nobody knows."""
    house.quota = 100
    inner, reached, blocked = house.stored.create, [], Deferred[None]()

    async def create(*arguments: object, **options: object) -> None:
        await inner(*arguments, **options)  # type: ignore[arg-type]
        reached.append(True)
        await blocked

    house.stored.create = create  # type: ignore[method-assign,assignment]
    task = Task(house.begin(size=100))
    await until(lambda: reached)
    task.deferred.cancel()
    await until(lambda: task.done)
    assert isinstance(task.failure(), CancelledError)
    house.stored.create = inner  # type: ignore[method-assign]
    assert (await house.stored.all(), await house.held()) == ([], 0)
    await house.begin(size=100)


@test
async def test_promises(house: House) -> None:
    upload = await house.begin()
    later = await house.uploads.promise(upload, (SUM,), 5)
    assert (later.checksums, later.mtime_ns) == ((SUM,), 5)
    assert await house.uploads.find(ADA, "tus", upload.key) == later
    await house.uploads.abort(upload, house.space())
    with pytest.raises(UploadGone):
        await house.uploads.promise(upload, (), None)


# The end


@test
async def test_aborted(house: House) -> None:
    upload, _ = await house.append(await house.begin(size=10), 0, b"abc")
    other = await house.begin("", dialect="ng", key="1")
    await house.put_part(other, "0", b"abc")
    for one in (upload, other, upload):
        await house.uploads.abort(one, house.space())
    assert (await house.stored.all(), await house.held()) == ([], 0)
    with pytest.raises(UploadGone):
        await house.append(upload, 3, b"d")
    with pytest.raises(UploadGone):
        await house.put_part(other, "1", b"d")


@test
async def test_aborting_what_is_finished_leaves_the_file(house: House) -> None:
    upload, _ = await house.append(await house.begin(size=3), 0, b"abc")
    await house.uploads.abort(upload, house.space())
    assert await house.stored.all() == []
    assert await house.read("a.bin") == b"abc"


@pytest.mark.parametrize("silent", [True, False])
@test
async def test_aborted_while_somebody_writes(house: House, silent: bool) -> None:
    upload = await house.begin(size=10)
    body = request_body(house.clock, 10)
    writing = Task(house.uploads.append(upload, house.space(), 0, body, length=10, publication=house.publication("a.bin")))
    await until(lambda: body.waiting)
    aborting = Task(house.uploads.abort(upload, house.space()))
    for _ in range(2):
        house.clock.advance(2)
        if not silent and not writing.done:
            body.feed(b"x")
            await until(lambda: body.waiting)
    await until(lambda: aborting.done)
    if silent:
        assert isinstance(writing.failure(), Locked)
        assert (await house.stored.all(), await house.held()) == ([], 0)
    else:
        assert isinstance(aborting.failure(), Locked)
        body.feed(b"x" * 8)
        body.end()
        await until(lambda: writing.done)
        assert await house.read("a.bin") == b"x" * 10


@test
async def test_settled(house: House) -> None:
    upload, _ = await house.append(await house.begin(size=10), 0, b"abc")
    assert await house.uploads.settled(upload) == upload


# In one request


@test
async def test_a_whole_file(house: House) -> None:
    upload, done = await house.uploads.put(house.publication("a.bin", size=6), chunks(b"abc", b"def"), "tus", {"x": 1})
    assert (upload.finished, upload.size, upload.offset, upload.result) == (True, 6, 6, done.node.etag)
    assert await house.uploads.find(ADA, "tus", upload.key) == upload
    assert await house.read("a.bin") == b"abcdef"
    assert await house.held() == 0


@test
async def test_a_whole_file_that_cannot_be_remembered(house: House) -> None:
    with house.frozen() as freeze:
        freeze.begin()
        upload, _ = await house.uploads.put(house.publication("a.bin", size=3), chunks(b"abc"), "tus", {})
    # The file is there, and that is what was asked for.
    assert upload.finished and await house.read("a.bin") == b"abc"
    with pytest.raises(UploadGone):
        await house.uploads.find(ADA, "tus", upload.key)


@test
async def test_a_whole_file_that_is_refused(house: House) -> None:
    house.quota = 2
    with pytest.raises(QuotaExceeded):
        await house.uploads.put(house.publication("a.bin", size=3), chunks(b"abc"), "tus", {})
    assert await house.stored.all() == []
