"""What a service can do is found out at the start, and conditions of clients hold whatever that is."""

from __future__ import annotations

import attrs
import boto3
import pytest

from clawgate.errors import PreconditionFailed
from clawgate.model.content import Intent, Target
from clawgate.model.path import Path
from clawgate.storage.s3.clients import make_client
from clawgate.storage.s3.owners import Owner, me
from clawgate.storage.s3.probing import probe
from clawgate.testing.tools import put

from . import servers

FILE = Path("file")


def stripped(function, headers):
    """Without these among the headers of content."""

    def call(*args, **more):
        args = [{name: one[name] for name in one if name not in headers} if isinstance(one, dict) else one for one in args]
        return function(*args, **more)

    return call


@pytest.fixture
def strict(mounted, monkeypatch):
    """A storage whose service does not know some headers of conditions."""

    def without(*headers):
        session = boto3.Session(servers.KEY, servers.SECRET, region_name="us-east-1")
        client = make_client(session, mounted.server.endpoint, timeout=20)

        def strip(params, **_):
            for header in headers:
                params["headers"].pop(header, None)

        client.meta.events.register("before-call.s3.PutObject", strip)
        ground = mounted.storage._ground
        ground.control.client = client
        for name in ("send", "stream"):
            monkeypatch.setattr(ground.exchange, name, stripped(getattr(ground.exchange, name), headers))
        return mounted

    return without


@pytest.mark.parametrize(
    ("unknown", "conditional", "matching"),
    [
        ((), True, True),
        (("If-Match",), True, False),
        (("If-None-Match",), False, True),
        (("If-Match", "If-None-Match"), False, False),
    ],
    ids=["all", "no If-Match", "no If-None-Match", "none"],
)
async def test_what_the_service_knows(strict, unknown, conditional, matching):
    mounted = strict(*unknown)
    ground = mounted.storage._ground
    await probe(ground)
    assert (ground.service.conditional, ground.service.matching) == (conditional, matching)
    assert mounted.leftovers() == []
    assert ground.refuses(Target.NOTHING) is conditional
    assert ground.refuses("etag.1") is matching


@pytest.mark.parametrize("unknown", [(), ("If-Match",), ("If-Match", "If-None-Match")], ids=["all", "no If-Match", "none"])
async def test_a_second_writer_is_not_overwritten(strict, unknown):
    """Who has seen a version and replaces it gets 412 if somebody else was quicker, and so does who makes a new file."""
    mounted = strict(*unknown)
    await probe(mounted.storage._ground)
    storage, key = mounted.storage, mounted.options.prefix + FILE
    seen = (await put(storage, FILE, b"first")).node.seen

    async def late():
        """Somebody else writes when the content has begun to come, after the first look."""
        yield b"mine"
        mounted.client.put_object(Bucket=mounted.bucket, Key=key, Body=b"theirs")

    with pytest.raises(PreconditionFailed):
        await storage.write(FILE, late(), Intent(size=4, expected=seen))
    assert mounted.client.get_object(Bucket=mounted.bucket, Key=key)["Body"].read() == b"theirs"
    mounted.client.delete_object(Bucket=mounted.bucket, Key=key)
    with pytest.raises(PreconditionFailed):
        await storage.write(FILE, late(), Intent(size=4, expected=Target.NOTHING))
    assert mounted.client.get_object(Bucket=mounted.bucket, Key=key)["Body"].read() == b"theirs"


@pytest.mark.parametrize("unknown", [(), ("If-Match",)], ids=["all", "no If-Match"])
@pytest.mark.parametrize("small", [True, False], ids=["small", "parts"])
async def test_what_was_to_be_replaced_is_gone(strict, unknown, small):
    """412 as well, though services answer 404 then; and nothing is made in its place."""
    mounted = strict(*unknown)
    await probe(mounted.storage._ground)
    storage, key = mounted.storage, mounted.options.prefix + FILE
    seen = (await put(storage, FILE, b"first")).node.seen

    async def late():
        yield b"mine" if small else b"m" * 70_000
        mounted.client.delete_object(Bucket=mounted.bucket, Key=key)

    with pytest.raises(PreconditionFailed):
        await storage.write(FILE, late(), Intent(size=4 if small else None, expected=seen))
    assert mounted.keys(key) == []
    assert mounted.leftovers() == []


async def test_what_a_kill_left_goes(mounted):
    """And what a process that lives is looking with stays."""
    storage, ground = mounted.storage, mounted.storage._ground
    dead = attrs.evolve(me(), started="1").text
    for name, owner in (("probe-1", dead), ("probe-2/", ""), ("probe-3", Owner("elsewhere", "1", 1, "1").text)):
        mounted.client.put_object(Bucket=mounted.bucket, Key=ground.keys.hidden(name), Body=owner.encode())
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 2
    assert mounted.leftovers() == [ground.keys.hidden("probe-3")]
    ground.working.add(ground.keys.hidden("probe-1"))
    mounted.client.put_object(Bucket=mounted.bucket, Key=ground.keys.hidden("probe-1"), Body=me().text.encode())
    assert await storage.abilities.janitor.sweep(frozenset(), 0) == 0
