"""As whom people work: what directory and system say, and what is never taken on."""

from __future__ import annotations

import os
import pwd

import pytest

from clawgate.errors import Forbidden, Overloaded, SettingsError
from clawgate.identity.personas import Limits, Personas, look, look_by_uid
from clawgate.model.people import User
from clawgate.model.space import Persona
from clawgate.settings import Mount, id_ranges

DEFAULT = Limits.of(Mount())
NOBODY = pwd.getpwnam("nobody")
BIN = pwd.getpwnam("bin")


def test_what_the_directory_says_counts():
    assert look(User("nobody", uid=70001, gid=70002)) == Persona(70001, 70002)


def test_what_it_does_not_say_the_system_does():
    groups = tuple(sorted(set(os.getgrouplist("bin", BIN.pw_gid)) - {BIN.pw_gid}))
    assert look(User("bin")) == Persona(BIN.pw_uid, BIN.pw_gid, groups)
    # The account with this number, whatever the person is called here.
    assert look(User("alice", uid=BIN.pw_uid)) == Persona(BIN.pw_uid, BIN.pw_gid, groups)
    assert look_by_uid(BIN.pw_uid, 70001) == Persona(BIN.pw_uid, BIN.pw_gid, groups)
    assert look_by_uid(70001, 70002) == Persona(70001, 70002)


@pytest.mark.parametrize(
    "user", [User("nobody-of-this-name"), User("alice", uid=70001), User("root"), User("alice", uid=0, gid=70001)]
)
def test_nobody_is_nobody(user):
    with pytest.raises(Forbidden):
        look(user)


def test_groups_of_the_system_are_those_of_the_account(monkeypatch):
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, 70009, 70003, 27, 0] if name == "bin" else [gid])
    persona = look(User("alice", uid=BIN.pw_uid, gid=70001))
    assert persona.groups == (0, 27, 70003, 70009)
    assert Limits.of(Mount(act_as_uids=["1-100"])).admit("alice", persona).groups == (70003, 70009)


def test_an_account_that_only_looks_the_same_is_another_one(monkeypatch):
    """Some services find ``bin`` for ``BIN``; for the gateway these are two people."""
    found = pwd.getpwnam
    monkeypatch.setattr(pwd, "getpwnam", lambda name: found(name.lower()))
    assert look(User("bin")).uid == BIN.pw_uid
    with pytest.raises(Forbidden, match="written in another way"):
        look(User("BIN"))


@pytest.mark.parametrize(
    ("persona", "admitted"),
    [
        (Persona(1000, 100), True),
        (Persona(65533, 1000), True),
        (Persona(70000, 70000, (80000,)), True),
        (Persona(999, 1000), False),
        (Persona(NOBODY.pw_uid, 1000), False),
        (Persona(65535, 1000), False),
        (Persona(0, 1000), False),
        (Persona(1000, 0), False),
        (Persona(1000, 99), False),
        (Persona(1000, NOBODY.pw_gid), False),
        (Persona(2**32 - 2, 1000), False),
    ],
)
def test_the_limits_of_the_default(persona, admitted):
    if admitted:
        assert DEFAULT.admit("alice", persona) == persona
    else:
        with pytest.raises(Forbidden, match=r"alice has the (uid|primary group) .* not taken on here"):
            DEFAULT.admit("alice", persona)


def test_root_is_not_taken_on_whatever_is_set():
    # Not even if the settings could say so.
    wide = Limits(((0, 2**32),), ((0, 2**32),))
    for persona in (Persona(0, 1000), Persona(1000, 0)):
        with pytest.raises(Forbidden):
            wide.admit("alice", persona)
    assert wide.admit("alice", Persona(1000, 1000, (0, 5))).groups == (5,)


@pytest.mark.parametrize("text", ["", "0-10", "10-5", "1-4294967294", "-5", "a", "1,2", "1-", "١-٢"])
def test_ranges_that_are_none(text):
    with pytest.raises(ValueError, match="expected a range"):
        id_ranges([text])


def test_ranges():
    assert id_ranges(["1000", "2000-3000", " 1 - 4294967293 "]) == ((1000, 1000), (2000, 3000), (1, 4294967293))


def make(workers, clock, look, kept=100):
    mounts = {"home": Mount(act_as="user"), "all": Mount(act_as="user", act_as_uids=["1-10"]), "other": Mount()}
    return Personas(mounts, workers, 60, kept, lambda: clock[0], look)


async def test_answers_are_remembered_for_a_while_and_for_each_mount_judged(workers):
    asked, clock = [], [0.0]

    def look(user):
        asked.append(user.id)
        return Persona(5000 + len(asked), 5000)

    personas = make(workers, clock, look, kept=2)
    alice = User("alice")
    assert await personas.of(alice, "other") is None
    assert asked == []
    assert await personas.of(alice, "home") == Persona(5001, 5000)
    with pytest.raises(Forbidden):
        await personas.of(alice, "all")
    assert asked == ["alice"]
    assert await personas.of_uid(5001, 77777, "home") == Persona(5001, 5000)
    clock[0] = 60.0
    assert (await personas.of(alice, "home")).uid == 5002
    # The directory now says something else.
    assert (await personas.of(User("alice", uid=1), "home")).uid == 5003
    for name in ("bob", "cat", "dan"):
        await personas.of(User(name), "home")
    assert len(personas._known) <= 2


async def test_nothing_is_done_for_whom_nobody_knows(workers):
    def look(user):
        raise Overloaded("busy")

    with pytest.raises(Overloaded):
        await make(workers, [0.0], look).of(User("alice"), "home")


async def test_what_somebody_left_whom_nobody_has_asked_for(workers):
    personas = make(workers, [0.0], look)
    assert await personas.of_uid(70001, 70002, "home") == Persona(70001, 70002)
    with pytest.raises(Forbidden, match="uid 0"):
        await personas.of_uid(0, 0, "home")


def test_mounts_that_cannot(monkeypatch):
    from clawgate import cast

    cast.check({"home": Mount(), "common": Mount(kind="project", root="/srv/x", act_as="user")})
    for mount, key in (
        (Mount(driver="memory", act_as="user"), "act_as: only the driver 'posix'"),
        (Mount(kind="project", act_as="user", symlinks="follow"), "symlinks: links cannot be followed"),
    ):
        with pytest.raises(SettingsError, match=f"mounts.x.{key}"):
            cast.check({"x": mount})
    monkeypatch.setattr(cast.persona, "missing", lambda: ["CAP_SETUID"])
    with pytest.raises(SettingsError, match=r"mounts\.x\.act_as: .* CAP_SETUID"):
        cast.check({"x": Mount(act_as="user")})
    cast.check({"x": Mount()})
