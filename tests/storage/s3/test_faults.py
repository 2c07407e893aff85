"""What happens when the service or the way to it fails."""

from __future__ import annotations

import hashlib

import pytest

from clawgate.errors import ClawgateError, NotFound, Overloaded, StorageUnavailable
from clawgate.model.content import Checksum, Intent
from clawgate.model.path import ROOT, Path
from clawgate.testing.tools import SMALL, body_of, children, get, put, tree

from .faulty import Way

MIB = 1 << 20
LONG = bytes(range(256)) * (11 * MIB // 256) + b"the end"
SHA1 = Checksum("SHA1", hashlib.sha1(LONG).hexdigest())


@pytest.fixture
def way(server):
    way = Way(server.endpoint)
    yield way
    way.close()


async def make(server, mount, way, **options):
    mounted = await mount(server, way.endpoint, **{"part_bytes": 5 * MIB, **options})
    await put(mounted.storage, "file", b"old")
    return mounted


@pytest.mark.parametrize(
    "fault", [{"status": 503, "code": "SlowDown"}, {"request_bytes": 3}, {"answer_bytes": 20}], ids=["busy", "request", "answer"]
)
@pytest.mark.parametrize(
    ("words", "act"),
    [
        (("PUT /", "/file "), lambda storage: put(storage, "file", SMALL)),
        (("GET /", "list-type=2"), lambda storage: children(storage)),
        (("HEAD /",), lambda storage: storage.stat(Path("file"))),
    ],
    ids=["put", "list", "head"],
)
async def test_calls_are_repeated(server, mount, way, words, act, fault):
    mounted = await make(server, mount, way)
    if fault.get("request_bytes") and words[0] != "PUT /":
        fault = {"answer_bytes": 5}
    told = way.fault(*words, times=2, **fault)
    await act(mounted.storage)
    assert told.met == 2


async def test_what_stays_busy_is_refused(server, mount, way):
    mounted = await make(server, mount, way)
    told = way.fault("PUT /", "/new ", times=50, status=503, code="SlowDown")
    with pytest.raises(Overloaded):
        await put(mounted.storage, "new", SMALL)
    assert 1 < told.met < 10
    assert await tree(mounted.storage) == {"file": b"old"}


@pytest.mark.parametrize("fault", [{"status": 503, "code": "SlowDown"}, {"answer_bytes": 400_000}], ids=["busy", "cut"])
async def test_reading_goes_on_where_it_broke(server, mount, way, fault):
    mounted = await make(server, mount, way)
    await put(mounted.storage, "long", LONG)
    told = way.fault("GET /", "/long ", times=2, **fault)
    assert await get(mounted.storage, "long") == LONG
    assert told.met == 2
    assert await get(mounted.storage, "long", 5 * MIB, 5 * MIB + 3) == LONG[5 * MIB : 5 * MIB + 3]


async def test_reading_that_never_succeeds(server, mount, way):
    mounted = await make(server, mount, way)
    told = way.fault("GET /", "/file ", times=50, answer_bytes=5)
    with pytest.raises(StorageUnavailable):
        await get(mounted.storage, "file")
    assert told.met == 4


ONE_CALL = {"put_bytes": 16 * MIB, "part_bytes": 10 * MIB}
HELD = {"put_bytes": 6 * MIB}
STREAMED = {"put_bytes": 6 * MIB, "part_bytes": 10 * MIB, "window_bytes": 18 * MIB}
"""Parts that are longer than half the window."""
# The kernel takes some MiB that the service never sees: what is kept is more than that.
WAYS = {"one call": ONE_CALL, "held parts": HELD, "streamed parts": STREAMED}


def of_upload(options):
    """What the requests that carry the middle of `LONG` have in their heads."""
    if options is ONE_CALL:
        return ("PUT /", "/file ")
    return ("PUT /", "/file?", "partNumber=2" if options is HELD else "partNumber=1")


@pytest.mark.parametrize("fault", [{"status": 503, "code": "SlowDown"}, {"request_bytes": 2 * MIB}], ids=["busy", "reset"])
@pytest.mark.parametrize("name", WAYS)
async def test_what_is_still_held_is_sent_again(server, mount, way, name, fault):
    mounted = await make(server, mount, way, **WAYS[name])
    told = way.fault(*of_upload(WAYS[name]), times=2, **fault)
    written = await mounted.storage.write(Path("file"), body_of(LONG), Intent(size=len(LONG), checksums=(SHA1,)))
    assert told.met == 2
    assert await get(mounted.storage, "file") == LONG
    assert await mounted.open().stat(Path("file")) == written.node
    assert mounted.leftovers() == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("one call", {"request_bytes": 10 * MIB + MIB // 2}),
        ("streamed parts", {"request_bytes": 9 * MIB + MIB // 2}),
        ("held parts", {"status": 503, "code": "SlowDown", "times": 99}),
        ("held parts", {"request_bytes": 2 * MIB, "times": 99}),
        *((name, {"status": 403, "code": "ExpiredToken"}) for name in WAYS),
        *((name, {"status": 403, "code": "RequestTimeTooSkewed"}) for name in WAYS),
    ],
)
async def test_a_stream_that_breaks_publishes_nothing(server, mount, way, name, fault):
    mounted = await make(server, mount, way, **WAYS[name])
    told = way.fault(*of_upload(WAYS[name]), **fault)
    with pytest.raises((Overloaded, StorageUnavailable)):
        await mounted.storage.write(Path("file"), body_of(LONG), Intent(size=len(LONG)))
    assert told.met == (4 if "times" in fault else 1)
    assert await tree(mounted.storage) == {"file": b"old"}
    assert mounted.leftovers() == []


@pytest.mark.parametrize("fault", [{"status": 503, "code": "SlowDown"}, {"request_bytes": 2 * MIB}], ids=["busy", "reset"])
async def test_a_part_that_is_held_is_sent_again(server, mount, way, fault):
    mounted = await make(server, mount, way)
    told = way.fault("PUT /", "/file?", "partNumber=2", **fault)
    await mounted.storage.write(Path("file"), body_of(LONG), Intent(checksums=(SHA1,)))
    assert told.met == 1
    assert await get(mounted.storage, "file") == LONG
    assert mounted.leftovers() == []


async def test_what_cannot_be_aborted_is_left_to_the_janitor(server, mount, way):
    mounted = await make(server, mount, way)
    way.fault("PUT /", "/file?", "partNumber=2", times=50, status=403, code="ExpiredToken")
    told = way.fault("DELETE /", times=50, status=403, code="ExpiredToken")
    with pytest.raises(StorageUnavailable):
        await mounted.storage.write(Path("file"), body_of(LONG), Intent())
    assert mounted.leftovers() != []
    told.times = 0
    assert await mounted.storage.abilities.janitor.sweep(frozenset(), 0) == 1
    assert mounted.leftovers() == []
    assert await tree(mounted.storage) == {"file": b"old"}


async def test_an_answer_that_was_lost(server, mount, way):
    """It was published, and nobody said so: the call is repeated, and its condition finds what the first one wrote."""
    mounted = await make(server, mount, way)
    seen = (await mounted.storage.stat(Path("file"))).seen
    told = way.fault("PUT /", "/file ", answer_bytes=5)
    written = await put(mounted.storage, "file", SMALL, expected=seen)
    assert told.met == 1
    assert (await mounted.storage.stat(Path("file"))) == written.node


async def test_a_listing_that_breaks_is_not_complete(server, mount, way):
    mounted = await make(server, mount, way, keys=2)
    for name in "abcd":
        await put(mounted.storage, name, SMALL)
    listing = await mounted.storage.list(ROOT)
    way.fault("GET /", "continuation-token", times=50, status=500, code="InternalError")
    with pytest.raises(StorageUnavailable):
        [page async for page in listing.pages]


async def test_after_a_block_that_fails_no_other_is_sent(server, mount, way):
    mounted = await make(server, mount, way)
    parts = mounted.storage.abilities.parts
    handle = await parts.begin(None)
    await parts.write_at(handle, 0, body_of(LONG[:100]))
    told = way.fault("PUT /", "/uploads/", times=50, status=500, code="InternalError")
    before = len(way.requests)
    with pytest.raises(StorageUnavailable):
        await parts.write_at(handle, 100, body_of(LONG + LONG, MIB))
    sent = {request.split()[1] for request in way.requests[before:] if request.startswith("PUT ")}
    assert told.met > 1
    assert len(sent) == 1
    told.times = 0
    # Whoever goes on does so where it ended.
    assert await parts.write_at(handle, 100, body_of(LONG)) == len(LONG)
    await parts.finish(handle, Path("whole"), Intent(size=100 + len(LONG)))
    assert await get(mounted.storage, "whole") == LONG[:100] + LONG


async def test_nobody_vouches_for_a_listing_that_is_not_whole(server, mount, way):
    mounted = await make(server, mount, way, keys=2, listing_seconds=60.0)
    vouchers = mounted.storage._ground.service.vouchers
    for name in "abcd":
        await put(mounted.storage, name, SMALL)
    listing = await mounted.storage.list(ROOT)
    assert [len(page) async for page in listing.pages]
    assert listing.current is not None and listing.current()
    assert len(vouchers) == 1
    with pytest.raises(NotFound):
        await mounted.storage.list(Path("none"))
    assert len(vouchers) == 1
    listing = await mounted.storage.list(ROOT)
    way.fault("GET /", "continuation-token", times=50, status=500, code="InternalError")
    with pytest.raises(StorageUnavailable):
        [page async for page in listing.pages]
    assert len(vouchers) == 0
    assert listing.current is not None and not listing.current()


async def test_credentials_that_are_not_accepted(server, mount, way):
    mounted = await make(server, mount, way)
    way.fault(" /", times=50, status=403, code="ExpiredToken")
    for call in (mounted.storage.list(ROOT), get(mounted.storage, "file"), put(mounted.storage, "file", SMALL)):
        with pytest.raises(ClawgateError):
            await call
