from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.identity.file import UserFile
from clawgate.identity.passwords import hash_password
from clawgate.interfaces import Match

ALICE = Match("alice", "Alice Adams", "alice@example.org")
BOB = Match("bob", "", "")


@pytest.fixture
def users(tmp_path, workers):
    password = f'password = "{hash_password("x")}"'
    file = tmp_path / "users.toml"
    file.write_text(
        f"[users.bob]\n{password}\n"
        f'[users.alice]\n{password}\nname = "Alice Adams"\nmail = "alice@example.org"\ngroups = ["physics"]\n'
    )
    return UserFile(str(file), workers, workers, lambda: 0.0)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("ALIC", 5, [ALICE]),
        ("adams", 5, [ALICE]),
        ("example.org", 5, [ALICE]),
        (" b", 5, [BOB]),
        ("a", 5, [ALICE]),
        ("e", 0, []),
        ("nobody", 5, []),
        ("", 5, []),
        ("  ", 5, []),
        ("alice\nalice", 5, []),
    ],
)
async def test_searching_the_file(users, text, limit, expected):
    assert expected == await users.search(text, limit)


@pytest_twisted.ensureDeferred
async def test_groups(users):
    assert await users.groups_of("alice") == {"physics"}
    assert await users.groups_of("bob") == await users.groups_of("nobody") == frozenset()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(("text", "limit", "expected"), [("PHYS", 5, ["physics"]), ("phys", 0, []), (" ", 5, []), ("ada", 5, [])])
async def test_searching_groups_of_the_file(users, text, limit, expected):
    assert expected == list(await users.search_groups(text, limit))
