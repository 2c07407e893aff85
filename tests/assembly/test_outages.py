from __future__ import annotations

import pytest
import pytest_twisted
from twisted.logger import formatEvent, globalLogPublisher

from clawgate.assembly.outages import QUIET_SECONDS, Outages
from clawgate.errors import NotFound, StorageUnavailable
from clawgate.model.path import Path
from clawgate.model.space import Space, SpaceKind
from clawgate.storage.memory import MemoryStorage
from clawgate.storage.wrappers.metered import Metered


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def space(person: str) -> Space:
    return Space(f"home${person}", person, SpaceKind.PERSONAL, "home", person, f"/srv/{person}")


@pytest.fixture
def lines():
    said: list[str] = []

    def observe(event):
        if event.get("log_namespace") == "clawgate.assembly.outages":
            said.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield said
    globalLogPublisher.removeObserver(observe)


def failure() -> StorageUnavailable:
    error = StorageUnavailable("the credentials for the storage are not accepted (any more)")
    error.__cause__ = OSError("SignatureDoesNotMatch")
    return error


def test_a_failure_is_told_with_mount_space_and_cause(lines):
    Outages(Clock()).told(space("alice"), failure())
    (line,) = lines
    assert "mounts.home" in line and "home$alice" in line
    assert "not accepted" in line and "SignatureDoesNotMatch" in line
    assert "clawgate check" in line


def test_many_failures_are_one_line_until_a_minute_has_passed(lines):
    clock = Clock()
    outages = Outages(clock)
    for person in ("alice", "bob", "carol"):
        outages.told(space(person), failure())
    assert len(lines) == 1
    clock.now += QUIET_SECONDS
    outages.told(space("bob"), failure())
    assert len(lines) == 2 and "home$bob" in lines[1] and "2 further" in lines[1]


def test_the_end_is_told_once(lines):
    outages = Outages(Clock())
    outages.told(space("alice"), failure())
    outages.told(space("bob"), None)
    assert len(lines) == 1, "that others work says nothing of this one"
    outages.told(space("alice"), None)
    outages.told(space("alice"), None)
    assert len(lines) == 2 and "home$alice works again" in lines[1]


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_opened_is_told(lines):
    async def build(which: Space):
        raise failure()

    with pytest.raises(StorageUnavailable):
        await Outages(Clock()).opening(build)(space("alice"))
    assert len(lines) == 1


@pytest_twisted.ensureDeferred
async def test_calls_of_a_storage_tell_failures_of_the_storage_only():
    class Away(MemoryStorage):
        async def list(self, path):
            raise StorageUnavailable("Input/output error")

    told: list[StorageUnavailable | None] = []
    storage = Metered(Away(), lambda method, seconds, good: None, told=told.append)
    with pytest.raises(NotFound):
        await storage.stat(Path("nothing"))
    assert told == []
    with pytest.raises(StorageUnavailable):
        await storage.list(Path(""))
    await storage.stat(Path(""))
    assert [str(error) for error in told] == ["Input/output error", "None"]
