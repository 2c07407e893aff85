from __future__ import annotations

import pytest

from clawgate.gateway.keeping import DAY, Limits, aged, by_age, missing, oldest
from clawgate.interfaces import Room, Trashed
from clawgate.model.node import Kind, Node
from clawgate.model.path import Path

NOW = 1_700_000_000.0
LIMITS = Limits(trash_days=30, versions_days=365, free_percent=10, quota_percent=50)


def entry(name, days, size=10):
    return Trashed(name, Node(name, Kind.FILE, size, 0, ""), Path(name), NOW - days * DAY)


def test_what_is_too_old():
    entries = [entry("a", 29.9), entry("b", 30.1), entry("c", 400)]
    assert [one.key for one in aged(entries, LIMITS, NOW)] == ["b", "c"]
    assert aged(entries, Limits(0, 0, 0, 0), NOW) == []


@pytest.mark.parametrize(
    ("room", "quota", "kept", "short"),
    [
        (Room(0, 100), None, 0, 0),
        (Room(90, 10), None, 0, 0),
        (Room(95, 5), None, 0, 5),
        (Room(100, 0), None, 0, 10),
        (Room(None, 0), None, 0, 0),
        (Room(100, None), None, 0, 0),
        (Room(0, 100), 1000, 500, 0),
        (Room(0, 100), 1000, 501, 1),
        (Room(95, 5), 1000, 503, 5),
        (Room(95, 5), 1000, 520, 20),
    ],
)
def test_what_has_to_go(room, quota, kept, short):
    assert missing(LIMITS, room, quota, kept) == short
    assert missing(Limits(1, 1, 0, 0), room, quota, kept) == 0


def test_the_oldest_first():
    entries = [entry("young", 1), entry("old", 3), entry("middle", 2)]
    assert [one.key for one in oldest([by_age(entries)], 11)] == ["old", "middle"]
    for runs in ([by_age(entries)], [[one] for one in entries], [[], by_age(entries[1:]), entries[:1]]):
        assert [one.key for one in oldest(runs, 10)] == ["old"]
        assert len(list(oldest(runs, 1000))) == 3
        assert list(oldest(runs, 0)) == []
