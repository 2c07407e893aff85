from __future__ import annotations

import random

import pytest

from clawgate.storage.posix.version_ages import superfluous

NOW = 1_700_000_000.0
DAY = 86400.0


def kept(ages):
    times = [NOW - age for age in ages]
    gone = set(superfluous(times, NOW))
    return sorted(round(NOW - time, 3) for time in times if time not in gone)


@pytest.mark.parametrize(
    ("ages", "left"),
    [
        ([], []),
        ([5], [5]),
        ([0, 1, 2, 3, 4], [0, 2, 4]),
        ([20, 25, 30, 35, 41], [20, 30, 41]),
        ([100, 130, 160, 200], [100, 160]),
        ([4000, 5000, 7600, 7700], [4000, 7600]),
        ([2 * DAY, 2.5 * DAY, 3 * DAY], [2 * DAY, 3 * DAY]),
        ([40 * DAY, 43 * DAY, 47 * DAY, 1000 * DAY], [40 * DAY, 47 * DAY, 1000 * DAY]),
        # What is younger than now, by a clock that was set back, is as what is new.
        ([-50, -49, -40], [-50, -40]),
    ],
)
def test_by_age(ages, left):
    assert kept(ages) == left


def test_the_newest_always_stays_and_much_becomes_little():
    chance = random.Random(1)
    ages = [chance.uniform(0, 400 * DAY) for _ in range(20000)] + [chance.uniform(0, DAY) for _ in range(5000)]
    left = kept(ages)
    assert min(ages) == pytest.approx(left[0], abs=0.001)
    assert len(left) < 5 + 5 + 60 + 24 + 30 + 54 + 10
    assert sorted(kept(left)) == left, "once is enough"
