"""Who somebody is on EOS: it fails closed."""

from __future__ import annotations

import pytest

from clawgate.errors import Forbidden, StorageUnavailable
from clawgate.model.path import Path
from clawgate.storage.eos.accounts import Accounts
from clawgate.storage.eos.metadata import Account
from clawgate.testing.conformance import SMALL, put, tree


async def test_people_are_who_they_are(mounted):
    persona = await mounted.accounts.persona("alice")
    assert (persona.uid, persona.gid, persona.name) == (1001, 1000, "alice")
    assert 2000 in persona.groups
    assert (await mounted.accounts.persona("alice", 1001)).uid == 1001


@pytest.mark.parametrize("name", ["stranger", "root", "daemon", "nobody", "1001", "alice@example.org"])
async def test_as_these_nobody_works(mounted, name):
    with pytest.raises(Forbidden):
        await mounted.accounts.persona(name)


async def test_a_uid_that_the_directory_does_not_know(mounted):
    with pytest.raises(Forbidden, match="1001 on EOS, and 7 in the directory"):
        await mounted.accounts.persona("alice", 7)


@pytest.mark.parametrize("uid", [0, 2, 99, 999, 65534])
async def test_accounts_that_are_not_taken_on(mounted, uid):
    class Mapped:
        async def whoami(self, who):
            return Account(uid, 1000, (), False)

    accounts = Accounts(Mapped(), lambda uid: 1000 <= uid < 65534, 300, lambda: 0)
    with pytest.raises(Forbidden):
        await accounts.persona("alice")


async def test_nobody_works_as_one_who_may_become_anybody(mounted):
    class Mapped:
        async def whoami(self, who):
            return Account(1001, 1000, (), True)

    with pytest.raises(Forbidden, match="sudo"):
        await Accounts(Mapped(), lambda uid: True, 300, lambda: 0).persona("alice")


@pytest.mark.parametrize("version", ["5.3", "5.4"], indirect=True)
async def test_a_wrong_key(mounting, version):
    """The port for /proc of older ones asks for no key."""
    mounted = await mounting({"key": "wrong"})
    with pytest.raises(Forbidden, match="nobody"):
        await mounted.accounts.persona("alice")
    mounted.double.record.violations.clear()


async def test_a_mapping_that_ends_is_noticed(mounting):
    now = [0.0]
    mounted = await mounting()
    accounts = Accounts(mounted.metadata, lambda uid: True, 300, lambda: now[0])
    await accounts.persona("alice")
    mounted.double.remove_user("alice")
    await accounts.persona("alice")
    now[0] = 301.0
    with pytest.raises(Forbidden):
        await accounts.persona("alice")


async def test_a_proc_door_that_is_shut(mounting):
    mounted = await mounting(open_proc=False)
    with pytest.raises(StorageUnavailable, match="/proc"):
        await mounted.accounts.persona("alice")


@pytest.mark.parametrize("version", ["5.1"], indirect=True)
async def test_an_old_release_without_its_other_port(mounting, version):
    mounted = await mounting({"proc_urls": ()})
    with pytest.raises(StorageUnavailable, match=r"proc_urls|storage"):
        await mounted.accounts.persona("alice")


async def test_all_by_the_other_port(mounting):
    """libmicrohttpd, behind a firewall."""
    mounted = await mounting({"door": "mhd", "proc_urls": (), "key": ""}, through="mhd")
    storage = await mounted.open()
    await put(storage, "file", SMALL)
    assert await tree(storage) == {"file": SMALL}
    await storage.move(Path("file"), Path("moved"), replace=False)
    await storage.remove(Path("moved"))
    assert not mounted.double.record.of(server="mgm")
