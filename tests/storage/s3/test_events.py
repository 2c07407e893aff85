"""What services tell of changes, understood and passed on."""

from __future__ import annotations

import json

import pytest

from clawgate.bucket_access import check
from clawgate.errors import InvalidRequest, SettingsError
from clawgate.interfaces import Hint
from clawgate.model.path import ROOT, Path
from clawgate.settings import S3, Mount
from clawgate.storage.s3.events import BucketEvents, Event, hint, parse
from clawgate.storage.s3.facts import Facts
from clawgate.storage.s3.memory import Memory
from clawgate.storage.s3.vouching import Vouchers


def record(key, name="s3:ObjectCreated:Put", bucket="bucket", **more):
    return {"eventVersion": "2.1", "eventName": name, "s3": {"bucket": {"name": bucket}, "object": {"key": key, **more}}}


def message(*records, **more):
    return json.dumps({**more, "Records": records}).encode()


@pytest.mark.parametrize(
    ("body", "events"),
    [
        # MinIO names the event and the key once more; keys are written as in addresses, with a plus for a space.
        (
            message(record("a/Gr%C3%BC%C3%9Fe+1%2B1.txt", eTag="abc", size=3), EventName="s3:ObjectCreated:Put", Key="bucket/a"),
            [Event("bucket", "a/Grüße 1+1.txt", "abc.3")],
        ),
        # Ceph quotes ETags less often than others.
        (
            message(record("x", eTag='"abc"', size=3), record("y", "ObjectRemoved:Delete", eTag="abc")),
            [Event("bucket", "x", "abc.3"), Event("bucket", "y")],
        ),
        (json.dumps({"Type": "Notification", "Message": message(record("deep/")).decode()}).encode(), [Event("bucket", "deep/")]),
        (json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "bucket"}).encode(), []),
        (b"", []),
        (
            json.dumps(
                {"key": "/buckets/bucket/a/b c", "event_type": "create", "message": {"new_entry": {"name": "b c"}}}
            ).encode(),
            [Event("bucket", "a/b c")],
        ),
        (
            json.dumps(
                {
                    "key": "/buckets/bucket/a/old",
                    "event_type": "rename",
                    "message": {"old_entry": {}, "new_entry": {"name": "new"}, "new_parent_path": "/buckets/bucket/b"},
                }
            ).encode(),
            [Event("bucket", "a/old"), Event("bucket", "b/new")],
        ),
        (json.dumps({"key": "/topics/x", "event_type": "create", "message": {}}).encode(), []),
    ],
    ids=["minio", "ceph", "sns", "test", "empty", "seaweedfs", "seaweedfs renames", "elsewhere"],
)
def test_messages(body, events):
    assert parse(body) == events


@pytest.mark.parametrize("body", [b"no json", b"[]", b"1", b'{"Records":[{"s3":{}}]}', b'{"Records":1}', b"[" * 100_000, b"\xff"])
def test_what_is_no_message(body):
    with pytest.raises(InvalidRequest):
        parse(body)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("home/a/file", Hint(Path("a"), "file")),
        ("home/file", Hint(ROOT, "file")),
        ("home/a/b/", Hint(Path("a"), "b", deep=True)),
        ("home/a//x", Hint(Path("a/\u201b2f"), "x")),
        (f"home/a/{'x' * 300}/y", Hint(Path("a"))),
        ("home/", None),
        ("homes/a", None),
        ("other", None),
        ("home/.clawgate/plans/1", None),
    ],
)
def test_hints(key, expected):
    assert hint("home/", key) == expected


def test_each_space_is_told_of_what_is_its_own():
    memory = Memory(10)
    events = BucketEvents("bucket", memory, Vouchers(0, 0))
    told: dict[str, list] = {"one/": [], "two/": []}
    ends = [events.of(prefix).subscribe(told[prefix].extend, lambda: None) for prefix in told]
    memory.put(Facts("one/ours", "etag", 5, 0, "id", "own"))
    events.tell(
        [
            Event("bucket", "one/theirs", "etag.5"),
            Event("bucket", "one/theirs", "etag.5"),
            Event("bucket", "one/ours", "etag.5"),
            Event("bucket", "two/x"),
            Event("another", "two/y"),
        ]
    )
    assert told == {"one/": [Hint(ROOT, "theirs")], "two/": [Hint(ROOT, "x")]}
    # Somebody has written over it: then it is no more what we wrote.
    events.tell([Event("bucket", "one/ours", "other.5")])
    assert told["one/"][1:] == [Hint(ROOT, "ours")]
    # Others have written it; that somebody here has looked, perhaps to overwrite it in vain, does not make it known.
    memory.put(Facts("one/seen", "etag", 5, 0, "id", "own"), looked=True)
    events.tell([Event("bucket", "one/seen", "etag.5")])
    assert told["one/"].pop() == Hint(ROOT, "seen")
    ends[0]()
    events.tell([Event("bucket", "one/more"), Event("bucket", "two/more")])
    assert (len(told["one/"]), len(told["two/"])) == (2, 2)
    assert events.of("one/").cover([ROOT, Path("a")]) == [ROOT, Path("a")]


def test_what_is_told_while_nobody_listens_ends_vouchers_too():
    """As in the moment in which one who follows is replaced by another."""
    vouchers = Vouchers(60, 60)
    events = BucketEvents("bucket", Memory(10), vouchers)
    end = events.subscribe("one/", lambda hints: None)
    end()
    current, root = vouchers.issue("one/a/"), vouchers.issue("one/")
    # What we keep for ourselves is in no listing.
    events.tell([Event("bucket", "one/.clawgate/uploads/x", "e.1"), Event("bucket", "one/.clawgate/uploads/x")])
    assert current() and root()
    events.tell([Event("bucket", "one/a/theirs", "etag.5")])
    assert not current()
    assert root()
    events.tell([Event("bucket", "one/a/theirs")])
    assert not root()
    # Below a folder of that name that somebody sees.
    current = vouchers.issue("one/a/")
    end = events.subscribe("one/", lambda hints: None)
    events.tell([Event("bucket", "one/a/.clawgate/x", "etag.5")])
    assert not current()


@pytest.mark.parametrize(
    ("mount", "said"),
    [
        (Mount(driver="s3", outside_changes="watch", s3=S3(bucket="bucket")), "outside_changes.*'scan'.*'events'"),
        (Mount(driver="s3", outside_changes="events", s3=S3(bucket="bucket")), "s3.events_secret"),
        (Mount(driver="posix", outside_changes="events"), "outside_changes.*'watch'"),
    ],
)
def test_settings_that_do_not_go_together(mount, said):
    with pytest.raises(SettingsError, match=f"mounts.home.{said}"):
        check({"home": mount})


def test_what_is_followed_by_itself():
    assert Mount().follows == "watch"
    assert Mount(driver="s3").follows == "none"
    assert Mount(driver="s3", outside_changes="scan").follows == "scan"
    check({"home": Mount(driver="s3", outside_changes="events", s3=S3(bucket="bucket", events_secret="x"))})


def test_what_others_bring_back_is_no_change_of_ours():
    """They wrote something else in between, or deleted it."""
    for between in ("other.5", ""):
        memory = Memory(10)
        memory.put(Facts("k", "etag", 5, 0, "id", "own"))
        assert memory.is_ours("k", "etag.5")
        assert not memory.is_ours("k", between)
        assert not memory.is_ours("k", "etag.5")


def test_a_look_that_finds_another_version_ends_it_too():
    memory = Memory(10)
    ours, theirs = (Facts("k", etag, 5, 0, "id", "own") for etag in ("etag", "other"))
    memory.put(ours)
    memory.put(ours, looked=True)
    assert memory.is_ours("k", "etag.5")
    memory.put(theirs, looked=True)
    assert not memory.is_ours("k", "etag.5")
