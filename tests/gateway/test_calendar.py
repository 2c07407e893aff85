from __future__ import annotations

import pytest_twisted

from clawgate.errors import StorageUnavailable
from clawgate.gateway.calendar import DOUBT, LEAP, Calendar

START = 1_700_000_000.0
DAY = 86400.0


class Time:
    def __init__(self):
        self.now, self.seconds, self.kept, self.full = START, 0.0, None, False
        self.restart()

    def restart(self):
        self.calendar = Calendar(self.load, self.keep, lambda: self.now, lambda: self.seconds)

    async def load(self):
        return self.kept

    async def keep(self, known):
        if self.full:
            raise StorageUnavailable("the disk is full")
        self.kept = known

    async def after(self, seconds, leap=0.0):
        self.seconds += seconds
        self.now += seconds + leap
        return await self.calendar.time() - START


@pytest_twisted.ensureDeferred
async def test_a_clock_that_leaps_ahead_is_believed_a_day_later():
    time = Time()
    assert await time.after(0) == 0
    assert await time.after(600) == 600
    assert await time.after(600, leap=30 * DAY) == 1200
    assert await time.after(DOUBT - 1) == 1200 + DOUBT - 1
    assert await time.after(1) == 1200 + DOUBT + 30 * DAY


@pytest_twisted.ensureDeferred
async def test_one_that_is_mended_meanwhile():
    time = Time()
    await time.after(0)
    assert await time.after(600, leap=30 * DAY) == 600
    assert await time.after(600, leap=-30 * DAY) == 1200
    assert time.kept.doubted is None
    # What goes back, or ahead by little, is believed.
    assert await time.after(0, leap=-DAY) == 1200 - DAY
    assert await time.after(0, leap=LEAP) == 1200


@pytest_twisted.ensureDeferred
async def test_after_a_restart():
    """It goes on where it was, however often somebody starts the gateway anew."""
    time = Time()
    await time.after(0)
    time.restart()
    assert await time.after(0, leap=30 * DAY) == 0
    for hour in range(1, 24):
        time.restart()
        await time.after(0)
        assert await time.after(3600) == hour * 3600
    assert await time.after(3600) == DOUBT + 30 * DAY


@pytest_twisted.ensureDeferred
async def test_it_works_though_nothing_can_be_kept():
    time = Time()
    time.full = True
    await time.after(0)
    assert await time.after(600, leap=30 * DAY) == 600
