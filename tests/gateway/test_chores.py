from __future__ import annotations

import pytest_twisted
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from clawgate.errors import StorageUnavailable
from clawgate.gateway.chores import Chore


class Work:
    """Fails as it is told, call by call."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = [*failures]
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure


@pytest_twisted.ensureDeferred
async def test_failures_are_told_and_end_nothing() -> None:
    away = StorageUnavailable("the database is away")
    work = Work(None, away, away, away, StorageUnavailable("it is locked"), None, away, KeyError("mine"), KeyError("mine"))
    clock = Clock()
    chore = Chore(clock, "tidying", 1.0, work)
    with capturedLogs() as logged:
        chore.start()
        for _ in range(12):
            clock.advance(1.0)
        await chore.stop()
    assert work.calls == 12
    again = "tidying failed and will be tried again"
    assert [f"{event['log_level'].name} {formatEvent(event)}" for event in logged] == [
        f"warn {again}: the database is away",
        f"warn {again}: it is locked",
        f"warn {again}: the database is away",
        f"critical {again}",
        f"critical {again}",
    ]
