from __future__ import annotations

from types import SimpleNamespace

import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate import people
from clawgate.configuration import load
from clawgate.errors import SettingsError, StorageUnavailable
from clawgate.identity.passwords import hash_password
from clawgate.model.people import User
from clawgate.workers import Workers


class Directory:
    """Knows some people, or does not answer."""

    def __init__(self, name, *known, away=False):
        self.name = name
        self.workers = Workers(reactor, name, 1, 10)
        self.known = {user.id: user for user in known}
        self.away = away
        self.closed = 0

    async def find_user(self, id):
        await self.workers.run(lambda: None)
        if self.away:
            raise StorageUnavailable("the directory of users does not answer; try again later")
        return self.known.get(id)

    async def close(self):
        self.closed += 1


@pytest.fixture
def core(tmp_path):
    (tmp_path / "users.toml").write_text(f'[users.alice]\npassword = "{hash_password("x")}"\nname = "Alice"\n')
    settings = load([], {}, data=str(tmp_path))
    return SimpleNamespace(settings=settings, directories=[])


@pytest_twisted.ensureDeferred
async def test_the_first_who_knows_somebody_tells(core, tmp_path):
    lab = Directory("lab", User("alice", "somebody else"), User("bob", "Bob"))
    other = Directory("other", User("bob", "another one"), User("carol"))
    core.directories = [lab, other]
    found = [await people.find(core, id) for id in ("alice", "bob", "carol", "dave")]
    assert [one and (one.user.name, one.source) for one in found] == [
        ("Alice", f"the file of users, {tmp_path}/users.toml"),
        ("Bob", "ldap.lab"),
        ("", "ldap.other"),
        None,
    ]
    assert (lab.workers.running, lab.closed, other.closed) == (False, 3, 2)
    lab.workers.start()
    assert (await people.find(core, "bob")).user.name == "Bob"
    assert (lab.workers.running, lab.closed) == (True, 3), "who runs already goes on"
    lab.workers.stop()


@pytest_twisted.ensureDeferred
async def test_one_that_is_away_may_know_somebody(core):
    lab = Directory("lab", away=True)
    core.directories = [lab, Directory("other", User("bob"))]
    with pytest.raises(StorageUnavailable, match=r"ldap\.lab, which may know bob, does not answer"):
        await people.find(core, "bob")
    assert not lab.workers.running
    assert (await people.find(core, "alice")).user.name == "Alice"


def test_described_by_hand():
    assert people.described("carol") is None
    known = people.described("carol", groups=["a", "b"], attributes=["shard=3", "x=a=b"], uid=0, quota="1 KiB")
    assert known.user == User("carol", "", "", frozenset("ab"), 1024, 0, None, {"shard": "3", "x": "a=b"})
    for wrong in ({"attributes": ["=3"]}, {"attributes": ["x"]}, {"quota": "much"}):
        with pytest.raises(SettingsError, match="--"):
            people.described("carol", **wrong)
    with pytest.raises(SettingsError, match="user 'a/b'"):
        people.described("a/b", uid=1)
