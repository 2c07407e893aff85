from __future__ import annotations

import os
import time

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs

from clawgate.errors import SettingsError, Unauthenticated
from clawgate.identity import passwords
from clawgate.identity.cache import RememberedLogins
from clawgate.identity.chain import Chain
from clawgate.identity.file import UserFile
from clawgate.identity.users_file import parse
from clawgate.model.people import Bearer, Password, User

HASH = passwords.hash_password("wonderland")
TEXT = f"""
[users."alice"]
password = "{HASH}"
name = "Alice Adams"
mail = "alice@example.org"
groups = ["physics", "all"]
quota = "10 GiB"

[users.bob]
password = "{HASH}"
"""
ALICE = User("alice", "Alice Adams", "alice@example.org", frozenset({"physics", "all"}), 10 * 2**30)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "users.toml"
    file.write_text(TEXT)
    return file


@pytest.fixture
def users(path, workers, clock):
    return UserFile(str(path), workers, workers, clock)


@pytest_twisted.ensureDeferred
async def test_right_password(users):
    await users.load()

    actor = await users.authenticate(Password("alice", "wonderland"))

    assert actor is not None
    assert actor.user == ALICE
    assert User("bob") == await users.find_user("bob")
    assert await users.find_user("eve") is None


@pytest_twisted.ensureDeferred
async def test_another_password_is_told_from_the_one_before(users, path, clock):
    await users.load()
    actor = await users.authenticate(Password("alice", "wonderland"))
    mark = (await users.find_user("alice")).mark
    assert actor.user.mark == mark
    assert mark
    assert mark not in HASH
    path.write_text(TEXT.replace(HASH, passwords.hash_password("other"), 1))
    clock.now += 1
    assert (await users.find_user("alice")).mark not in ("", mark)
    path.write_text(TEXT)
    clock.now += 1
    assert (await users.find_user("alice")).mark == mark


@pytest_twisted.ensureDeferred
async def test_wrong_password(users):
    with pytest.raises(Unauthenticated):
        await users.authenticate(Password("alice", "wonderlanD"))


@pytest_twisted.ensureDeferred
async def test_others_credentials_are_not_judged(users):
    assert await users.authenticate(Password("eve", "x")) is None
    assert await users.authenticate(Bearer("abc")) is None
    assert await users.authenticate(Password("bob\udcff", "\udcff")) is None


@pytest_twisted.ensureDeferred
async def test_unknown_users_cost_a_verification_with_the_usual_parameters(users, monkeypatch):
    await users.load()
    verified = []
    monkeypatch.setattr("clawgate.identity.file.matches", lambda phc, password: verified.append(phc) or False)

    assert await users.authenticate(Password("eve", "wonderland")) is None

    assert [HASH.rsplit("$", 2)[0]] == [phc.rsplit("$", 2)[0] for phc in verified]
    assert len(HASH) == len(verified[0])
    assert not passwords.matches(verified[0], "wonderland")


def test_decoy_costs_what_real_hashes_cost():
    def cost(phc: str) -> float:
        started = time.process_time()
        for _ in range(5):
            passwords.matches(phc, "x")
        return time.process_time() - started

    assert passwords.is_hash(passwords.decoy(()))
    assert 0.3 < cost(passwords.decoy([HASH])) / cost(HASH) < 3


@pytest_twisted.ensureDeferred
async def test_changes_are_seen_a_second_later(users, path, clock):
    await users.load()
    path.write_text(TEXT.replace("bob", "carol"))

    assert await users.find_user("carol") is None
    clock.now += 1
    assert await users.find_user("carol") is not None
    assert await users.find_user("bob") is None
    os.unlink(path)
    clock.now += 1
    assert await users.find_user("carol") is None


@pytest_twisted.ensureDeferred
async def test_what_changes_while_a_password_is_verified_counts(users, path, clock):
    await users.load()
    verifying = [Deferred.fromCoroutine(users.authenticate(Password(name, "wonderland"))) for name in ("alice", "bob")]
    text = TEXT.replace(HASH, passwords.hash_password("other"), 1).replace("[users.bob]", "[users.carol]")
    # Before any answer of a thread can come.
    users._take((1, 1, 1, 1), parse(text, str(path)))
    with pytest.raises(Unauthenticated):
        await verifying[0]
    assert await verifying[1] is None


@pytest_twisted.ensureDeferred
async def test_a_broken_file_locks_nobody_out(users, path, clock):
    await users.load()
    path.write_text("[users.")
    with capturedLogs() as events:
        for _ in range(3):
            clock.now += 1
            assert await users.find_user("bob") is not None

    assert len(events) == 1
    with pytest.raises(SettingsError, match=r"users.toml: is not TOML"):
        await users.load()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user = 1", "user: unknown; expected tables"),
        ("users = 1", "users: expected tables"),
        ("[users.a]\npasword = ''", "users.\"a\".pasword: unknown; did you mean 'password'?"),
        ("[users.a]\npassword = 'x'", "users.\"a\".password: expected an argon2 hash; 'clawgate user passwd a' makes one"),
        ("[users.a]\ngroups = 'x'", "groups: expected a list"),
        ("[users.a]\nquota = '1 X'", "'1 X' is not a size"),
        ("[users.a]\nquota = -1", "quota: expected bytes"),
        ("[users.'a:b']", "without control characters, colons"),
        ("[users.'..']", "a name must not be"),
        ("[users.' a']", "blanks at the ends"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_files_are_told_apart(users, path, text, expected):
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        await users.load()

    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


@pytest_twisted.ensureDeferred
async def test_remembered_logins_end_with_a_change_of_the_file(users, path, clock):
    await users.load()
    logins = RememberedLogins(Chain([users]), 300, clock, current=lambda: users.checked_until, refresh=users.refresh)
    users.changed.append(logins.forget)
    alice = Password("alice", "wonderland")
    answers = await gatherResults([Deferred.fromCoroutine(logins.authenticate(alice)) for _ in range(6)])

    assert {ALICE} == {actor.user for actor in answers}
    assert (await logins.authenticate(alice)).user == ALICE
    assert (logins.hits, logins.misses) == (1, 6)

    path.write_text(TEXT.replace(HASH, passwords.hash_password("other")))
    assert await logins.authenticate(alice) is not None
    clock.now += 1
    with pytest.raises(Unauthenticated):
        await logins.authenticate(alice)
