"""Content on its way to the service: what is signed, what is held, how it is cut."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import urllib.request

import pytest

from clawgate.errors import TooLarge
from clawgate.model.content import Checksum, Intent
from clawgate.model.path import Path
from clawgate.storage.s3.joining import least_part
from clawgate.storage.s3.options import MOST_PARTS, SMALLEST_PART, S3Options
from clawgate.storage.s3.owners import LEASE, Owner, me
from clawgate.storage.s3.segments import Run
from clawgate.storage.s3.signing import CHUNK, Chunks, chunked_length
from clawgate.storage.s3.writing import growing_part_bytes, part_bytes, parts_at_once
from clawgate.testing.tools import SMALL, body_of, get, put

MIB = 1 << 20
LONG = bytes(range(256)) * (11 * MIB // 256) + b"the end"


async def chunks_of(*chunks):
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17])
async def test_signed_chunks_are_as_long_as_was_said(length):
    content = bytes(length)
    signer = Chunks(b"key", "20260101T000000Z", "20260101/us-east-1/s3/aws4_request", "0" * 64)
    sent = b"".join([some async for some in signer.signed(chunks_of(content[:1000], content[1000:]) if content else chunks_of())])
    assert len(sent) == chunked_length(length)
    assert sent.endswith(b"\r\n\r\n")


async def test_a_signature_of_a_chunk_is_that_of_the_documentation():
    """ "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks', the example there."""
    key = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for part in ("20130524", "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    signer = Chunks(key, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", seed)
    assert signer.sign(b"a" * 65536) == (
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    )


@pytest.mark.parametrize(
    "size", [0, 1, 8 * MIB, 65 * MIB, 80_000 * MIB, 100_000 * MIB, 5 << 40], ids=lambda size: f"{size / MIB:.0f} MiB"
)
def test_parts_are_long_enough_and_few_enough(size):
    options = S3Options("bucket")
    part = part_bytes(options, size)
    assert part >= SMALLEST_PART
    assert -(-size // part) <= MOST_PARTS
    assert part <= 5 << 30
    if 2 * part <= options.window_bytes:
        assert (parts_at_once(options, part) + 1) * part <= options.window_bytes


def test_parts_of_unknown_content_stay_within_the_window():
    options = S3Options("bucket")
    for begun in range(0, MOST_PARTS, 100):
        part = growing_part_bytes(options, begun)
        assert (parts_at_once(options, part) + 1) * part <= options.window_bytes
    assert sum(growing_part_bytes(options, begun) for begun in range(MOST_PARTS)) > 130 << 30


@pytest.mark.parametrize(
    ("made", "least"),
    [
        ([Run("key", 0, 5 * MIB)] * 9000, SMALLEST_PART),
        ([Run("key", 0, MIB)] * 60_000, 12 * MIB),
        ([Run("key", 0, 5 * MIB), Run("", 0, 100_000 * MIB)], 21 * MIB),
    ],
    ids=["one each", "many short ones", "a hole"],
)
def test_what_is_put_together_has_few_enough_parts(made, least):
    """As long as each segment can be a part, none of them is carried again to make longer ones."""
    assert abs(least_part(made) - least) < MIB
    size = sum(run.length for run in made)
    assert max(len(made) if least == SMALLEST_PART else 0, -(-size // least_part(made))) < MOST_PARTS


async def test_content_that_never_ends_is_refused(on_seaweed, monkeypatch):
    monkeypatch.setattr("clawgate.storage.s3.writing.MOST_PARTS", 2)
    on_seaweed.storage._ground.options = S3Options(**{**vars_of(on_seaweed.options), "part_bytes": 5 * MIB})
    with pytest.raises(TooLarge):
        await on_seaweed.storage.write(Path("file"), body_of(LONG), Intent())
    assert on_seaweed.leftovers() == []


def vars_of(options):
    return {name: getattr(options, name) for name in ("bucket", "prefix", "small_bytes", "put_bytes")}


async def test_no_more_than_the_window_is_asked_of_the_sender(server, mount):
    mounted = await mount(server, put_bytes=6 * MIB, part_bytes=5 * MIB, window_bytes=10 * MIB)
    exchange = mounted.storage._ground.exchange
    send, under_way, most = exchange.send, [0], [0]
    given = 0

    async def counted(*args, **arguments):
        under_way[0] += sum(map(len, args[1]))
        try:
            return await send(*args, **arguments)
        finally:
            under_way[0] -= sum(map(len, args[1]))

    async def body():
        nonlocal given
        for start in range(0, len(LONG), 65536):
            given += 65536
            # What is sent, and what has come besides.
            most[0] = max(most[0], under_way[0])
            yield LONG[start : start + 65536]

    exchange.send = counted
    await mounted.storage.write(Path("file"), body(), Intent(size=len(LONG)))
    assert 0 < most[0] <= 5 * MIB
    assert await get(mounted.storage, "file") == LONG


async def test_what_is_stored_is_what_was_sent(server, mount):
    """Signed chunks leave no trace, and what others have packed is not unpacked."""
    mounted = await mount(server)
    client, bucket, prefix = mounted.client, mounted.bucket, mounted.options.prefix
    sum = Checksum("SHA1", hashlib.sha1(LONG).hexdigest())
    await mounted.storage.write(Path("streamed"), body_of(LONG), Intent(size=len(LONG), checksums=(sum,)))
    await put(mounted.storage, "small", SMALL)
    for name, content in (("streamed", LONG), ("small", SMALL)):
        there = client.get_object(Bucket=bucket, Key=prefix + name)
        assert there["Body"].read() == content
        assert "aws-chunked" not in there.get("ContentEncoding", "")
    packed = gzip.compress(b"text" * 1000)
    client.put_object(Bucket=bucket, Key=f"{prefix}packed", Body=packed, ContentEncoding="gzip")
    assert await get(mounted.storage, "packed") == packed


async def test_a_link_needs_no_credentials(server, mount):
    mounted = await mount(server)
    await put(mounted.storage, "a file & more", SMALL)
    reader = await mounted.storage.read(Path("a file & more"))
    link = await reader.link(60, {"Content-Type": "text/x-test", "Content-Disposition": 'attachment; filename="x"'})

    def fetch():
        with urllib.request.urlopen(link) as answer:
            return answer.read(), answer.headers["Content-Type"]

    assert await mounted.workers.run(fetch) == (SMALL, "text/x-test")
    await reader.close()


def test_whose_notes_are_left_behind():
    here = me()
    gone = Owner(here.machine, here.boot, here.pid, "1")
    before = Owner(here.machine, "an earlier boot", here.pid, here.started)
    elsewhere = Owner("elsewhere", here.boot, here.pid, here.started)
    assert here.left(gone.text, 0)
    assert here.left(before.text, 0)
    assert here.left("", 0)
    assert gone.left(here.text, LEASE - 1) is False
    assert here.left(elsewhere.text, LEASE - 1) is False
    assert here.left(elsewhere.text, LEASE)
