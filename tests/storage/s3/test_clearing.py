"""A part of a bucket that is removed for good."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.model.path import Path
from clawgate.testing.tools import SMALL, put

from . import servers
from .test_history import versioned


@pytest.mark.parametrize("bucket", [servers.BUCKET, "versioned"])
@pytest_twisted.ensureDeferred
async def test_nothing_is_left_and_nothing_else_goes(server, mount, bucket):
    if bucket == "versioned":
        versioned(server)
    one = await mount(server, bucket=bucket, trash=bucket == "versioned", versions=bucket == "versioned", keys=4)
    # No number: one of the trees of tests to come has that name.
    beside = one.options.prefix.rstrip("/") + "x/other"
    one.client.put_object(Bucket=bucket, Key=beside, Body=b"theirs")
    for folder in ("d", "d/e"):
        await one.storage.make_folder(Path(folder))
    for number in range(9):
        await put(one.storage, f"d/e/{number}", SMALL)
        await put(one.storage, f"d/e/{number}", SMALL + b"more")
    await one.storage.remove(Path("d/e/0"))
    if one.storage.abilities.trash is not None:
        await one.storage.abilities.trash.discard(Path("d/e/1"))
    one.client.create_multipart_upload(Bucket=bucket, Key=one.options.prefix + "begun")

    await one.storage.clear()

    assert one.keys(one.options.prefix) == []
    assert one.leftovers() == []
    if bucket == "versioned":
        answer = one.client.list_object_versions(Bucket=bucket, Prefix=one.options.prefix)
        assert not answer.get("Versions")
        assert not answer.get("DeleteMarkers")
    assert one.keys(beside) == [beside]
    # What was interrupted is done again.
    await one.storage.clear()
