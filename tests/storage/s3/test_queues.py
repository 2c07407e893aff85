"""A queue that is told of changes, with moto's SQS: messages go when they are entered, and not before."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter

import boto3
import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from clawgate.bucket_access import address_of, check, queue_account_of
from clawgate.errors import InvalidRequest, SettingsError, StorageUnavailable
from clawgate.interfaces import Hint
from clawgate.model.path import ROOT
from clawgate.settings import S3, Mount
from clawgate.storage.s3 import queues
from clawgate.storage.s3.accounts import Account, Address
from clawgate.storage.s3.entering import Entering, Tally
from clawgate.storage.s3.events import BucketEvents, Event, parse_queued
from clawgate.storage.s3.memory import Memory
from clawgate.storage.s3.vouching import Vouchers
from clawgate.workers import Workers

from .conftest import blockon

_numbers = itertools.count(1)
PATIENCE = 120.0


def created(key, bucket="home", **more):
    told = {"bucket": {"name": bucket}, "object": {"key": key, "eTag": "abc", "size": 3}}
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": told}], **more}


def bridged(key, kind="Object Created", bucket="home"):
    detail = {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": 3, "etag": "abc", "sequencer": "1"}}
    return {"version": "0", "source": "aws.s3", "detail-type": kind, "detail": detail}


def from_sns(message):
    return {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": json.dumps(message)}


TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "home"}


@pytest.mark.parametrize(
    ("message", "events"),
    [
        (created("a/b+c%2B.txt"), [Event("home", "a/b c+.txt", "abc.3")]),
        (from_sns(created("a/b")), [Event("home", "a/b", "abc.3")]),
        (bridged("a/b+c%2B.txt"), [Event("home", "a/b+c%2B.txt", "abc.3")]),
        (bridged("a/b", "Object Deleted"), [Event("home", "a/b")]),
        (from_sns(bridged("a/b")), [Event("home", "a/b", "abc.3")]),
        (TEST, []),
        (from_sns(TEST), []),
    ],
    ids=["direct", "sns", "eventbridge", "eventbridge deletes", "eventbridge by sns", "test", "test by sns"],
)
def test_envelopes(message, events):
    assert parse_queued(json.dumps(message).encode()) == events


@pytest.mark.parametrize("body", [b"hello", b"{}", b'{"order":1}', b"", b'{"source":"aws.ec2","detail-type":"x","detail":{}}'])
def test_what_is_left_in_the_queue(body):
    with pytest.raises(InvalidRequest):
        parse_queued(body)


class Listening:
    """A receiver at a queue of its own, and a space that is told."""

    def __init__(self, moto):
        session = boto3.Session("a", "b", region_name="us-east-1")
        self.sqs, self.sns = (session.client(name, endpoint_url=moto.endpoint) for name in ("sqs", "sns"))
        self.name = f"queue-{next(_numbers)}"
        self.url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.workers = Workers(reactor, "queue", 2, 100, 0)
        self.workers.start()
        self.vouchers = Vouchers(0, 600)
        self.events = BucketEvents("home", Memory(100), self.vouchers)
        self.hints = []
        self.events.of("alice/").subscribe(self.hints.extend, lambda: None)
        self.oldest = None
        self.tally = Tally()
        self.entering = Entering(reactor, lambda: self.oldest, self.tally)
        self.now = time.time
        self.receiver = queues.Receiver(
            "home",
            lambda: queues.connect(Address("home"), Account("a", "b"), self.url),
            self.workers,
            "home",
            self.events,
            self.entering,
            self.tally,
            reactor,
            lambda: self.now(),
        )

    def send(self, message):
        self.sqs.send_message(QueueUrl=self.url, MessageBody=message if isinstance(message, str) else json.dumps(message))

    def publish(self, message):
        """By a topic to which the queue is subscribed."""
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = self.sns.create_topic(Name=self.name)["TopicArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self.sns.publish(TopicArn=topic, Message=json.dumps(message))

    def left(self):
        """Messages in the queue, given out or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))

    async def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end
            await deferLater(reactor, 0.05)


@pytest.fixture
def listening(moto, monkeypatch):
    # A long poll of moto takes a thread of it as long as that.
    monkeypatch.setattr(queues, "WAIT", 1)
    made = Listening(moto)
    yield made
    blockon(made.receiver.stop())
    made.entering.stop()
    made.workers.stop()


async def test_messages_go_when_they_are_entered(listening):
    listening.oldest = 0.0
    for message in (created("alice/one"), bridged("alice/three four"), TEST):
        listening.send(message)
    listening.publish(created("alice/a/two"))
    assert listening.vouchers.issue("alice/") is None
    listening.receiver.start()
    await listening.until(lambda: len(listening.hints) == 3)
    await listening.until(lambda: listening.vouchers.issue("alice/") is not None)
    assert {hint.name for hint in listening.hints} == {"one", "two", "three four"}
    await deferLater(reactor, 0.6)
    # Nobody has looked yet.
    assert listening.left() == 4
    assert listening.tally.entered == Counter()
    listening.oldest = None
    await listening.until(lambda: listening.left() == 0)
    assert listening.tally.received["queue"] == listening.tally.entered["queue"] == 3
    assert not listening.tally.refused


async def test_what_is_meant_for_others_stays(listening):
    for message in ("no json", {"order": 1}, created("alice/x", bucket="another"), created("alice/ours")):
        listening.send(message)
    listening.receiver.start()
    await listening.until(lambda: listening.tally.refused["queue"] == 3 and listening.left() == 3)
    assert listening.hints == [Hint(ROOT, "ours")]


async def test_it_goes_on_when_the_queue_is_back(listening, monkeypatch):
    monkeypatch.setattr(queues, "QUICKEST", 0.1)
    listening.receiver.start()
    await listening.until(lambda: listening.vouchers.issue("alice/") is not None)
    current = listening.vouchers.issue("alice/")
    listening.sqs.delete_queue(QueueUrl=listening.url)
    await listening.until(lambda: not current())
    assert listening.vouchers.issue("alice/") is None
    listening.sqs.create_queue(QueueName=listening.name)
    listening.send(created("alice/later"))
    await listening.until(lambda: listening.hints)
    await listening.until(lambda: listening.vouchers.issue("alice/") is not None)


async def test_nobody_vouches_while_messages_come_late(listening):
    listening.now = lambda: time.time() + 3600
    listening.send(created("alice/old"))
    listening.receiver.start()
    await listening.until(lambda: listening.hints)
    assert listening.vouchers.issue("alice/") is None
    # Once there are no more of them, it is as good as told.
    await listening.until(lambda: listening.vouchers.issue("alice/") is not None)


async def test_a_poll_does_not_hold_up_the_end(listening, monkeypatch):
    monkeypatch.setattr(queues, "WAIT", 20)
    listening.receiver.start()
    await listening.until(lambda: listening.vouchers.issue("alice/") is not None)
    await listening.until(lambda: listening.workers.pending)
    stopping = Deferred.fromCoroutine(listening.receiver.stop())
    assert stopping.called
    assert listening.workers.pending
    began = time.thread_time()
    listening.workers.stop()
    assert time.thread_time() - began < 1
    try:
        await stopping
    except CancelledError:
        pytest.fail("it was not stopped, but cancelled")


def test_a_queue_that_cannot_be_read(moto):
    queue = queues.connect(Address("home"), Account("a", "b"), f"{moto.endpoint}/123456789012/not-there")
    with pytest.raises(StorageUnavailable, match=r"refuses receive_message: .*NonExistentQueue"):
        queue.look()
    away = queues.connect(Address("home"), Account("a", "b"), "http://127.0.0.1:1/1/x")
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        away.look()


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-west-3.amazonaws.com/1/x", "eu-west-3"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/1/x", "cn-north-1"),
        ("https://us-west-2.queue.amazonaws.com/1/x", "us-west-2"),
        ("https://queue.example.org/1/x", "us-east-1"),
    ],
)
def test_where_it_is(url, region):
    assert queues.connect(Address("home"), Account("a", "b"), url)._client.meta.region_name == region


def mount(**s3):
    return Mount(driver="s3", outside_changes="events", s3=S3(**{"bucket": "home", "events_queue": "https://sqs.x/1/q", **s3}))


def test_settings():
    check({"home": mount()})
    for mounts, said in (
        ({"home": Mount(driver="s3", s3=mount().s3)}, "events_queue: is read with"),
        ({"home": mount(), "other": mount()}, "mounts.home takes its messages"),
        ({"home": Mount(driver="s3", s3=S3(bucket="home", listing_seconds=61))}, "listing_seconds: no answer may be older"),
    ):
        with pytest.raises(SettingsError, match=said):
            check(mounts)
    own = queue_account_of(mount(access_key="{user.key}", secret_key="{user.secret}", role="arn:{user.id}", profile=""))
    assert own == Account()
    assert queue_account_of(mount(access_key="a", secret_key="b")) == Account("a", "b")
    assert address_of(mount()).bucket == "home"
