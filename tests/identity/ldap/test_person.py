from __future__ import annotations

from typing import Any

import pytest

from clawgate.identity.ldap.answers import Entry
from clawgate.identity.ldap.errors import BadEntry
from clawgate.identity.ldap.person import Mapper, match, person
from clawgate.interfaces import Match
from clawgate.model.people import User
from clawgate.settings import Ldap

MAPPER = Mapper.of(Ldap(quota_attribute="quota"), {"department": "ou"})


def entry(dn: str = "uid=alice,dc=example", **values: Any) -> Entry:
    listed = {name: value if isinstance(value, list) else [value] for name, value in ({"uid": "alice"} | values).items()}
    raw = {name: tuple(one if isinstance(one, bytes) else one.encode() for one in all) for name, all in listed.items()}
    return Entry(dn, {name.lower(): all for name, all in raw.items() if all})


def test_everything():
    found = entry(cn="Alice", mail="a@example.org", uidNumber="7", gidNumber="0", quota="1.5 GB", ou="physics")

    expected = User("alice", "Alice", "a@example.org", frozenset(), 1_500_000_000, 7, 0, {"department": "physics"})
    assert expected == person(found, MAPPER)
    assert Match("alice", "Alice", "a@example.org") == match(found, MAPPER)


def test_next_to_nothing():
    assert User("alice") == person(entry(), MAPPER)


def test_what_changes_with_the_password():
    mapper = Mapper.of(Ldap(password_attribute="pwdChangedTime"), {})
    assert "pwdChangedTime" in mapper.wanted
    marks = [person(entry(pwdChangedTime=when), mapper).mark for when in ("20260101000000Z", "20260102000000Z", [], b"\xff")]
    assert len(set(marks)) == 4 and marks[2] == ""
    assert person(entry(pwdChangedTime="20260101000000Z"), mapper).mark == marks[0] != "20260101000000Z"
    assert person(entry(pwdChangedTime="1"), MAPPER).mark == ""


def test_of_several_values_the_one_in_the_name():
    assert person(entry("uid=Alice+cn=x,dc=example", uid=["al", "alice"]), MAPPER).id == "alice"
    with pytest.raises(BadEntry, match="2 values of uid"):
        person(entry("cn=x,dc=example", uid=["al", "alice"]), MAPPER)


def test_what_is_only_shown_may_be_ambiguous():
    found = person(entry(cn=["B", "A"], mail=["z@example.org", "a@example.org"]), MAPPER)

    assert (found.name, found.mail) == ("A", "a@example.org")


@pytest.mark.parametrize(
    "values",
    [
        {"uid": []},
        {"uid": ""},
        {"uid": "a/b"},
        {"uid": "a:b"},
        {"uid": ".."},
        {"uid": "x" * 200},
        {"uid": b"\xff"},
        {"uidNumber": "many"},
        {"uidNumber": "-1"},
        {"uidNumber": "4294967295"},
        {"uidNumber": "٣"},
        {"gidNumber": ["1", "2"]},
        {"quota": "lots"},
        {"ou": ["a", "b"]},
        {"cn": b"\xff"},
    ],
)
def test_what_cannot_be_used(values):
    with pytest.raises(BadEntry):
        person(entry(**values), MAPPER)


def test_lower_case():
    assert person(entry(uid="ALICE"), Mapper.of(Ldap(user_lower=True), {})).id == "alice"


def test_what_is_asked_for():
    assert Mapper.of(Ldap(gid_attribute=""), {"a": "uid", "b": "l"}).wanted == ("uid", "cn", "mail", "uidNumber", "l")
