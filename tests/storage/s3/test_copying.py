"""Copies within the service of what is too long for one call."""

from __future__ import annotations

import hashlib

import pytest

from clawgate.errors import Overloaded
from clawgate.model.content import Checksum, Intent
from clawgate.model.path import Path, parent
from clawgate.testing.tools import body_of, children, get, put

from .faulty import Way

MIB = 1 << 20
LONG = bytes(range(256)) * (11 * MIB // 256) + b"the end"
SUM = Checksum("SHA1", hashlib.sha1(LONG).hexdigest())
CARRIED = {"get_object", "upload_part", "copy_object"}
"""Calls that would carry content, or be refused by S3."""


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    """5 MiB instead of 5 GiB, which is the least that a part may have."""
    monkeypatch.setattr("clawgate.storage.s3.copying.LARGEST_COPY", 5 * MIB)


async def known(storage, path):
    node = await storage.stat(Path(path))
    folder, name = parent(Path(path)), path.rpartition("/")[2]
    identity = (await storage.abilities.ids.identify(folder, [name]))[name]
    return node.size, node.mtime_ns, node.checksums, node.etag, identity.id


async def write(mounted, path="long.bin"):
    await mounted.storage.write(
        Path(path), body_of(LONG), Intent(size=len(LONG), mtime_ns=1_700_000_000_500_000_000, checksums=(SUM,))
    )
    mounted.calls.clear()
    return await known(mounted.storage, path)


async def test_a_move_keeps_content_id_and_metadata(mounted):
    before = await write(mounted)
    await mounted.storage.move(Path("long.bin"), Path("moved.bin"), replace=False)
    assert mounted.calls["upload_part_copy"] == 3
    assert not CARRIED & set(mounted.calls)
    again = mounted.open()
    await again.start()
    assert await known(again, "moved.bin") == before
    assert await get(again, "moved.bin") == LONG
    assert mounted.leftovers() == []


async def test_a_copy_is_another_file_with_the_same_metadata(mounted):
    size, mtime_ns, checksums, _, id = await write(mounted)
    await mounted.storage.make_folder(Path("folder"))
    await put(mounted.storage, "folder/small", b"small")
    await mounted.storage.move(Path("long.bin"), Path("folder/long.bin"), replace=False)
    mounted.calls.clear()
    await mounted.storage.copy(Path("folder"), Path("other"), replace=False)
    assert (mounted.calls["upload_part_copy"], mounted.calls["copy_object"]) == (3, 1)
    again = mounted.open()
    await again.start()
    found = await known(again, "other/long.bin")
    assert found[:3] == (size, mtime_ns, checksums)
    assert found[4] != id
    assert (await known(again, "folder/long.bin"))[4] == id
    assert await get(again, "other/long.bin") == LONG
    assert mounted.leftovers() == []


async def test_a_copy_that_is_not_completed_leaves_nothing(server, mount):
    way = Way(server.endpoint)
    mounted = await mount(server, way.endpoint)
    await write(mounted)
    fault = way.fault("PUT", "partNumber=2", times=100, status=503, code="SlowDown")
    with pytest.raises(Overloaded):
        await mounted.storage.copy(Path("long.bin"), Path("other.bin"), replace=False)
    assert fault.met
    assert mounted.leftovers() == []
    assert list(await children(mounted.storage, "")) == ["long.bin"]
    way.close()


async def test_an_answer_that_is_lost_is_no_failure(server, mount):
    """The service has completed the copy, and knows nothing of it when it is asked again."""
    way = Way(server.endpoint)
    mounted = await mount(server, way.endpoint)
    before = await write(mounted)
    fault = way.fault("POST", "uploadId=", answer_bytes=0)
    await mounted.storage.move(Path("long.bin"), Path("moved.bin"), replace=False)
    assert fault.met == 1
    assert (await known(mounted.storage, "moved.bin"))[4] == before[4]
    assert await get(mounted.storage, "moved.bin") == LONG
    assert mounted.leftovers() == []
    way.close()
