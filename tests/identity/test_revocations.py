"""What a directory says of people ends logins by the password of before, wherever they are remembered."""

from __future__ import annotations

import pytest

from clawgate.identity.revocations import Revocations
from clawgate.model.people import Actor, Scope, User

OLD, NEW, SILENT = (User("alice", mark=mark) for mark in ("old", "new", ""))
ACTORS = {
    "own": Actor(OLD),
    "own, new": Actor(NEW),
    "own, not told": Actor(SILENT),
    "page": Actor(OLD, 1e10, session="s"),
    "program": Actor(OLD, app_password="p"),
    "token": Actor(SILENT, 1e10, vouched=True),
    "address": Actor(OLD, 1e10, Scope(read_only=True)),
    "bob": Actor(User("bob", mark="old")),
}


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (NEW, {"own", "page", "address"}),
        (OLD, set()),
        (SILENT, set()),
        (None, {"own", "own, new", "own, not told", "page", "program", "address"}),
    ],
)
def test_who_is_not_remembered_any_more(now: User | None, over: set[str]) -> None:
    async def changes() -> int:
        return 0

    revocations = Revocations(changes, lambda: 0.0)
    forgotten: set[str] = set()
    revocations.forget.append(lambda which: forgotten.update(name for name, actor in ACTORS.items() if which(actor)))
    revocations.another(OLD, now)
    assert forgotten == over


def test_a_directory_that_begins_to_tell_ends_nothing() -> None:
    async def changes() -> int:
        return 0

    revocations = Revocations(changes, lambda: 0.0)
    revocations.forget.append(lambda which: pytest.fail("nobody has another password"))
    revocations.another(SILENT, NEW)
