"""Folders that were listed a moment ago: when the bucket is asked again, and that nothing is shown that anybody knows is old."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from ...storage.s3 import servers
from .. import dav
from ..bucket import BucketGateway

SECRET = "not-for-the-logs"
PATIENCE = 120.0


@contextmanager
def no_calls(gateway: BucketGateway) -> Iterator[None]:
    before = Counter(gateway.calls())
    yield
    assert dict(Counter(gateway.calls()) - before) == {}


def names(client: dav.Client, path: str = "folder") -> set[str]:
    return {found.removeprefix(path).lstrip("/") for found in client.list(path)} - {""}


def begin(gateway: BucketGateway, **s3: Any) -> Any:
    """Start, with nothing in the background; returns the folder of ten files."""
    gateway.configure(index={"learn_folders": 0}, mounts__home__s3=s3)
    folder = gateway.disk() / "folder"
    for number in range(10):
        (folder / f"{number}").write_bytes(b"x")
    gateway.start()
    return folder


def tell(gateway: BucketGateway, key: str, event: str = "s3:ObjectCreated:Put") -> None:
    """As MinIO does."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=120)
    record = {
        "eventName": event,
        "s3": {"bucket": {"name": servers.BUCKET}, "object": {"key": quote(key), "eTag": "x", "size": 1}},
    }
    connection.request("POST", "/bucket-events/home", json.dumps({"Records": [record]}), {"Authorization": SECRET})
    with closing(connection):
        assert connection.getresponse().status == 204


def own_changes_are_seen(gateway: BucketGateway, client: dav.Client) -> None:
    """At once, whoever vouches for the folder."""
    assert client.put("folder/own", b"own").status == 201
    assert client.list("folder")["folder/own"].size == 3
    assert client.put("folder/own", b"own again").status == 204
    assert client.list("folder")["folder/own"].size == 9
    assert client.ask("MOVE", "folder/own", headers={"Destination": client.href("folder/moved")}).status == 201
    assert {"moved", "own"} & names(client) == {"moved"}
    assert client.ask("MKCOL", "folder/below").status == 201
    assert client.ask("COPY", "folder/moved", headers={"Destination": client.href("folder/below/copy")}).status == 201
    assert "below" in names(client)
    assert names(client, "folder/below") == {"copy"}
    assert client.ask("DELETE", "folder/moved").status == 204
    assert client.ask("DELETE", "folder/below/copy").status == 204
    assert "moved" not in names(client)
    assert names(client, "folder/below") == set()
    assert client.ask("DELETE", "folder/below").status == 204
    assert names(client) == {str(number) for number in range(10)}


def test_by_itself_the_bucket_is_always_asked(stopped_gateway: BucketGateway) -> None:
    gateway = stopped_gateway
    folder = begin(gateway)
    with gateway.client() as client:
        assert len(names(client)) == 10
        (folder / "theirs").write_bytes(b"x")
        assert "theirs" in names(client)
        (folder / "theirs").unlink()
        assert "theirs" not in names(client)


def test_for_a_while(stopped_gateway: BucketGateway) -> None:
    gateway = stopped_gateway
    gateway.configure(mounts__home={"staleness_max": 600.0})
    folder = begin(gateway, listing_seconds=600.0)
    with gateway.client() as client:
        assert len(names(client)) == 10
        with no_calls(gateway):
            assert len(names(client)) == 10
        assert client.put("folder/new", b"content").status == 201
        with no_calls(gateway):
            assert client.list("folder")["folder/new"].size == 7
        assert client.ask("DELETE", "folder/new").status == 204
        own_changes_are_seen(gateway, client)
        # As it was said: what others do shows later. But nobody is refused for the sake of what they cannot see.
        (folder / "3").write_bytes(b"theirs")
        item = client.list("folder")["folder/3"]
        assert item.size == 1
        assert client.ask("PUT", "folder/3", b"ours", {"If-Match": f'"{item.etag.strip(chr(34))}"'}).status == 412
        assert client.list("folder")["folder/3"].size == 6


def test_for_a_little_while(stopped_gateway: BucketGateway) -> None:
    gateway = stopped_gateway
    folder = begin(gateway, listing_seconds=0.5)
    with gateway.client() as client:
        assert len(names(client)) == 10
        (folder / "theirs").write_bytes(b"x")
        until = time.monotonic() + PATIENCE
        while "theirs" not in names(client):
            assert time.monotonic() < until


@pytest.mark.parametrize("event", ["s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"])
def test_until_somebody_tells(stopped_gateway: BucketGateway, event: str) -> None:
    gateway = stopped_gateway
    gateway.configure(mounts__home={"outside_changes": "events", "staleness_max": 600.0})
    folder = begin(gateway, events_secret=SECRET)
    with gateway.client() as client:
        assert len(names(client)) == 10
        # As long as nobody has told anything, nobody knows whether that works.
        (folder / "theirs").write_bytes(b"x")
        assert "theirs" in names(client)
        tell(gateway, (folder / "theirs").key)
        settle(gateway)
        assert len(names(client)) == 11
        with no_calls(gateway):
            assert len(names(client)) == 11
        assert client.put("folder/new", b"content").status == 201
        with no_calls(gateway):
            assert client.list("folder")["folder/new"].size == 7
        if "Created" in event:
            (folder / "more").write_bytes(b"x")
            assert "more" not in names(client)
            tell(gateway, (folder / "more").key, event)
            assert "more" in names(client)
            (folder / "deep/er/file").write_bytes(b"x")
            tell(gateway, (folder / "deep/er/file").key, event)
            assert "deep" in names(client)
        else:
            (folder / "theirs").unlink()
            assert "theirs" in names(client)
            tell(gateway, (folder / "theirs").key, event)
            assert "theirs" not in names(client)
        for left in ("new", "theirs", "more", "deep"):
            client.ask("DELETE", f"folder/{left}")
        own_changes_are_seen(gateway, client)
        metrics = gateway.metrics()
        told = metrics['clawgate_bucket_events_received_total{mount="home",source="webhook"}']
        assert told == (3 if "Created" in event else 2)
        settle(gateway)


def settle(gateway: BucketGateway) -> None:
    """Wait until all that was told of is entered."""
    label = '_total{mount="home",source="webhook"}'
    until = time.monotonic() + PATIENCE
    while True:
        metrics = gateway.metrics()
        if metrics[f"clawgate_bucket_events_entered{label}"] == metrics[f"clawgate_bucket_events_received{label}"]:
            return
        assert time.monotonic() < until, metrics
        time.sleep(0.05)
