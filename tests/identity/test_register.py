from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import StorageUnavailable
from clawgate.identity.register import Register
from clawgate.interfaces import Directory, Match
from clawgate.model.people import User


class Some(Directory):
    def __init__(self, *users: User, away: bool = False) -> None:
        self.users = {user.id: user for user in users}
        self.away = away

    async def find_user(self, id: str) -> User | None:
        if self.away:
            raise StorageUnavailable("away")
        return self.users.get(id)

    async def search(self, text: str, limit: int) -> list[Match]:
        if self.away:
            raise StorageUnavailable("away")
        return [Match(one.id, one.name, one.mail) for one in self.users.values() if text in one.id][:limit]

    async def search_groups(self, text: str, limit: int) -> list[str]:
        return sorted({group for one in self.users.values() for group in one.groups if text in group})[:limit]


A = User("ada", "Ada of the file", groups=frozenset({"staff", "lab"}))
B = User("ada", "Ada of the directory", groups=frozenset({"lab", "labels"}))
C = User("adam")
GUEST = User("guest")


async def known(id: str) -> User | None:
    return GUEST if id == "guest" else None


@pytest_twisted.ensureDeferred
async def test_whoever_comes_first_is_right():
    register = Register([Some(A), Some(B, C)], known)
    assert await register.find("ada") is A
    assert await register.find("adam") is C
    assert await register.find("guest") is GUEST
    assert await register.find("nobody") is None
    assert [(one.id, one.name) for one in await register.people("ad", 5)] == [("ada", "Ada of the file"), ("adam", "")]
    assert len(await register.people("ad", 1)) == 1
    assert list(await register.groups("la", 5)) == ["lab", "labels"]


@pytest_twisted.ensureDeferred
async def test_a_directory_that_is_away_is_not_passed_over():
    register = Register([Some(away=True), Some(A)], known)
    with pytest.raises(StorageUnavailable):
        await register.find("ada")
    with pytest.raises(StorageUnavailable):
        await register.people("ada", 5)
