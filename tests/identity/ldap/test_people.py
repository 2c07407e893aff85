from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs

from clawgate.errors import StorageUnavailable
from clawgate.identity.ldap.errors import DirectoryUnavailable
from clawgate.interfaces import Match
from clawgate.model.people import Password, User

from .people import GROUPS, PEOPLE, STRANGE
from .slapd import Slapd

ALICE = Match("alice", "Alice Adams", "alice@example.org")
BOB = Match("Bob", "Bob Baker", "bob@example.org")
CAROL = Match("carol", "Carol Carter", "shared@example.org")


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("more", [{}, {"user_dn": f"uid={{user}},{PEOPLE}"}, {"user_dn": f"uid={{user}},{PEOPLE}", "base": ""}])
async def test_finding(directory, more):
    ldap = directory(**more, groups="member", group_base=GROUPS)

    found = await ldap.find_user("alice")

    groups = frozenset({"optics", "com,ma"})
    assert User("alice", "Alice Adams", "alice@example.org", groups, None, 1001, 100) == found
    assert groups == await ldap.groups_of("alice")
    assert await ldap.find_user("nobody") is None
    assert await ldap.groups_of("nobody") == frozenset()
    for name in STRANGE:
        assert (await ldap.find_user(name)).id == name


@pytest_twisted.ensureDeferred
async def test_an_id_has_one_spelling(directory):
    ldap = directory(user_filter="(|(uid={user})(mail={user}))")

    assert (await ldap.find_user("Bob")).id == "Bob"
    for id in ("bob", "BOB", " Bob", "Bob ", "bob@example.org", "B*b", "", "a\0"):
        assert await ldap.find_user(id) is None
    assert (await directory(user_lower=True).find_user("bob")).id == "bob"


@pytest_twisted.ensureDeferred
async def test_two_with_one_id(directory):
    ldap = directory(user_attribute="gidNumber")

    with capturedLogs() as events:
        assert await ldap.find_user("100") is None
    assert "several entries have the id '100'" in events[0]["what"]


@pytest_twisted.ensureDeferred
async def test_an_entry_that_cannot_be_used(directory):
    with capturedLogs() as events:
        assert await directory(quota_attribute="description").find_user("broken") is None

    assert "description" in events[0]["what"]


@pytest_twisted.ensureDeferred
async def test_who_logs_in_is_known(directory, slapd):
    ldap = directory()
    assert await ldap.authenticate(Password("ALICE", "secret of alice"))
    before = slapd.log().count(" SRCH base")

    assert (await ldap.find_user("alice")).id == "alice"
    assert slapd.log().count(" SRCH base") == before


@pytest_twisted.ensureDeferred
async def test_people_are_asked_for_once(directory, slapd):
    ldap = directory()
    await ldap.find_user("carol")
    before = slapd.log().count(" SRCH base")

    found = await gatherResults([Deferred.fromCoroutine(ldap.find_user(id)) for id in ["alice"] * 50 + ["carol"] * 50])

    assert len(found) == 100
    assert slapd.log().count(" SRCH base") == before + 1


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alic", [ALICE]),
        ("ADAMS", [ALICE]),
        ("shared@", [BOB, CAROL]),
        ("  ob ba ", [BOB]),
        ("Žof", [Match("Žofie", "Žofie", "")]),
        ("本", [Match("日本語", "日本語", "")]),
        ("r*", [Match("star*", "star*", "")]),
        (")(uid=", [Match("admin)(uid=*", "admin)(uid=*", "")]),
        ("alice*adams", []),
        ("", []),
        ("   ", []),
        ("\0", []),
        ("x" * 300, []),
    ],
)
async def test_searching(directory, text, expected):
    found = await directory().search(text, 10)

    assert expected == list(found)


@pytest_twisted.ensureDeferred
async def test_no_more_than_asked_for(directory):
    assert len(await directory().search("a", 3)) == 3
    assert len(await directory(search_limit=2).search("a", 1000)) == 2


@pytest_twisted.ensureDeferred
async def test_the_servers_own_limit_is_no_error_for_a_search(tmp_path, authority, directory):
    server = Slapd(tmp_path / "strict", authority.file, authority.certify("127.0.0.1"), more="sizelimit 2").start()
    try:
        ldap = directory(urls=[server.url])
        assert len(await ldap.search("a", 10)) == 2
        # But two groups of a person who may be in three are not.
        with capturedLogs() as events, pytest.raises(StorageUnavailable):
            await directory(urls=[server.url], groups="memberUid", group_base=PEOPLE).find_user("alice")
        assert "sizeLimitExceeded" in events[0]["error"]
    finally:
        server.stop()


@pytest_twisted.ensureDeferred
async def test_only_people_who_may_come_are_found(directory):
    ldap = directory(user_filter="(&(ou=physics)(uid={user}))")

    assert list(await ldap.search("a", 10)) == [ALICE]
    assert await ldap.find_user("Bob") is None


@pytest_twisted.ensureDeferred
async def test_a_base_that_is_missing_means_nothing(directory):
    ldap = directory(base="ou=nothing,dc=example,dc=org")

    for question in (ldap.find_user("alice"), ldap.search("alice", 5)):
        with capturedLogs() as events, pytest.raises(DirectoryUnavailable):
            await question
        assert "noSuchObject" in events[0]["error"]


@pytest_twisted.ensureDeferred
async def test_a_filter_leaves_out_who_is_locked(directory):
    """As docs/app-passwords.md says it: a person who may not log in any more has no app passwords either."""
    for filter, there in (("", True), ("(&(uid={user})(!(pwdAccountLockedTime=000001010000Z)))", False)):
        ldap = directory(user_filter=filter)
        assert (await ldap.find_user("locked") is not None) is there
        assert await ldap.find_user("alice") is not None
