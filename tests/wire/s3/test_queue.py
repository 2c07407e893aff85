"""A queue of AWS that the bucket tells of changes (moto plays both): from somebody's PutObject to the etag of the root."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import boto3
import pytest

from ...storage.s3 import servers
from .. import dav
from ..bucket import BucketGateway
from ..test_following import fresh, moved, rest

PATIENCE = 120.0


@attrs.frozen
class Site:
    gateway: BucketGateway
    sqs: Any
    url: str

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    def count(self, what: str) -> float:
        return self.gateway.metrics()[f'clawgate_bucket_events_{what}_total{{mount="home",source="queue"}}']


@pytest.fixture
def site(tmp_path: Path, moto: servers.Server) -> Iterator[Site]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateway = BucketGateway(folder, moto)
    session = boto3.Session(servers.KEY, servers.SECRET, region_name="us-east-1")
    sqs = session.client("sqs", endpoint_url=moto.endpoint)
    url = sqs.create_queue(QueueName=gateway.prefix.strip("/"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    gateway.disk().client.put_bucket_notification_configuration(
        Bucket=servers.BUCKET, NotificationConfiguration={"QueueConfigurations": [told]}
    )
    gateway.configure(mounts__home={"outside_changes": "events", "staleness_max": 3600.0}, mounts__home__s3={"events_queue": url})
    yield Site(gateway, sqs, url)
    gateway.close()


def wait(condition: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def listed(client: dav.Client) -> set[str]:
    return set(client.list("a")) - {"a"}


def test_what_the_bucket_tells(site: Site) -> None:
    gateway = site.gateway
    disk: Any = gateway.disk()
    for name in ("one", "two"):
        (disk / "a" / name).put(b"first")
    gateway.start()
    with gateway.client() as client:
        client.walk()
        fresh(gateway, 3600.0)
        etag = rest(client)
        (disk / "a/b c/new+file").put(b"new")
        etag = moved(client, etag)
        (disk / "a/one").unlink()
        etag = moved(client, etag)
        wait(lambda: listed(client) == {"a/two", "a/b c"})
        assert client.put("a/own", b"own").status == 201
        etag = rest(client)
        # A message that nobody understands stays, and stops nothing.
        site.sqs.send_message(QueueUrl=site.url, MessageBody=json.dumps({"order": 1}))
        (disk / "a/two").put(b"second time")
        moved(client, etag)
        wait(lambda: site.left() == 1)
        wait(lambda: site.count("received") == site.count("entered"))
        assert site.count("received") >= 4
        assert site.count("refused") == 1
        # The bucket is asked only for what it told of.
        wait(lambda: not called(gateway, client))
        (disk / "a/three").put(b"3")
        wait(lambda: "a/three" in listed(client))
    began = time.monotonic()
    gateway.stop()
    assert time.monotonic() - began < 15, "a poll of 20 seconds held up the end"


def called(gateway: BucketGateway, client: dav.Client) -> bool:
    before = gateway.calls()
    listed(client)
    return gateway.calls() != before


def test_what_was_told_while_it_was_down(site: Site) -> None:
    """A gateway that is killed with messages in its hands."""
    gateway = site.gateway
    disk: Any = gateway.disk()
    (disk / "a/one").put(b"first")
    gateway.start()
    with gateway.client() as client:
        client.walk()
        etag = rest(client)
    gateway.kill()
    (disk / "a/one").put(b"second time")
    wait(lambda: site.left() >= 1)
    gateway.start()
    with gateway.client() as client:
        moved(client, etag)
        # What the first one has had in its hands comes later.
        wait(lambda: site.count("entered") >= 1)
        assert client.list("a")["a/one"].size == 11


def test_check(site: Site) -> None:
    said = site.gateway.tool("check")
    assert f"the queue {site.url} can be read" in said.stdout, said.stdout
    site.gateway.configure(mounts__home__s3={"events_queue": f"{site.url}-wrong"})
    said = site.gateway.tool("check")
    assert said.returncode != 0
    assert "NonExistentQueue" in said.stdout, said.stdout
    assert "sqs:ReceiveMessage" in said.stdout, said.stdout
