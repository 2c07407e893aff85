from __future__ import annotations

import pytest
import pytest_twisted
from twisted.logger import capturedLogs

from clawgate.errors import Forbidden, StorageUnavailable
from clawgate.model.people import Password

from .people import GROUPS

MEMBER = {"groups": "member", "group_base": GROUPS}
UID = {"groups": "memberUid", "group_base": GROUPS}
OF = {"groups": "memberOf"}


async def groups(ldap, name="alice"):
    return (await ldap.authenticate(Password(name, f"secret of {name}"))).user.groups


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, set()),
        (MEMBER, {"optics", "com,ma"}),
        ({**MEMBER, "group_depth": 1}, {"optics", "com,ma", "science"}),
        ({**MEMBER, "group_depth": 2}, {"optics", "com,ma", "science", "all"}),
        ({**MEMBER, "group_depth": 50}, {"optics", "com,ma", "science", "all"}),
        ({**MEMBER, "group_filter": "(|(cn=optics)(cn=others))"}, {"optics"}),
        ({**MEMBER, "group_scope": "one"}, {"optics", "com,ma"}),
        ({**MEMBER, "group_base": "dc=example,dc=org", "group_scope": "one"}, set()),
        # OpenLDAP does not know the rule, so that nothing fits.
        ({**MEMBER, "group_chain": True}, set()),
        (UID, {"lab", "users"}),
        ({**UID, "gid_attribute": ""}, {"lab"}),
        (OF, {"optics", "com,ma"}),
        ({**OF, "group_depth": 1}, {"optics", "com,ma", "science"}),
        ({**OF, "group_depth": 50}, {"optics", "com,ma", "science", "all"}),
        ({**OF, "group_filter": "(cn=optics)"}, {"optics"}),
    ],
)
async def test_memberships(directory, changed, expected):
    assert expected == await groups(directory(**changed))


@pytest_twisted.ensureDeferred
async def test_members_with_strange_names(directory):
    assert {"optics"} == await groups(directory(**MEMBER), "com,ma")
    assert {"lab", "users"} == await groups(directory(**UID), "star*")
    assert {"users"} == await groups(directory(**UID), "*")


@pytest_twisted.ensureDeferred
async def test_a_group_that_is_named_by_another_attribute_is_read(directory):
    assert {"the optics group", "the com,ma group"} == await groups(directory(**OF, group_name="description"))


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("changed", [MEMBER, UID, OF, {**MEMBER, "group_depth": 9}])
async def test_too_many_are_not_cut(directory, changed):
    with capturedLogs() as events, pytest.raises(Forbidden):
        await groups(directory(**changed, group_limit=1))

    assert "in more than 1 groups" in events[0]["what"]


@pytest_twisted.ensureDeferred
async def test_groups_that_cannot_be_searched_are_not_none(directory):
    with capturedLogs() as events, pytest.raises(StorageUnavailable):
        await groups(directory(groups="member", group_base="ou=nothing,dc=example,dc=org"))

    assert "noSuchObject" in events[0]["error"]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("changed", "text", "expected"),
    [
        ({}, "optics", []),
        (MEMBER, "OPTI", ["optics"]),
        (MEMBER, "com,m", ["com,ma"]),
        (MEMBER, "*", []),
        (MEMBER, "", []),
        (MEMBER, "\0", []),
        ({**MEMBER, "group_filter": "(cn=others)"}, "o", ["others"]),
        ({**MEMBER, "group_name": "description"}, "optics group", ["the optics group"]),
        # People below the same base are no groups, though they have such a name.
        ({**MEMBER, "group_base": "dc=example,dc=org"}, "alice", []),
    ],
)
async def test_looking_for_groups(directory, changed, text, expected):
    assert expected == list(await directory(**changed).search_groups(text, 10))


@pytest_twisted.ensureDeferred
async def test_no_more_groups_than_asked_for(directory):
    assert len(await directory(**MEMBER).search_groups("s", 1)) == 1
    assert len(await directory(**MEMBER, search_limit=1).search_groups("s", 10)) == 1
