from __future__ import annotations

from secrets import token_hex
from traceback import format_exception

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import capturedLogs

from clawgate.errors import Forbidden, Unauthenticated
from clawgate.identity.ldap.directory import LdapDirectory
from clawgate.identity.ldap.errors import DirectoryUnavailable
from clawgate.model.people import Bearer, Password, User

from .people import BASE, GATEWAY, PEOPLE, STRANGE, dn_of

EITHER = "(|(uid={user})(mail={user}))"


@pytest_twisted.ensureDeferred
async def test_right_password(directory):
    ldap = directory(quota_attribute="description", attributes=["department=ou"])

    actor = await ldap.authenticate(Password("alice", "secret of alice"))

    expected = User("alice", "Alice Adams", "alice@example.org", frozenset(), 10 * 2**30, 1001, 100, {"department": "physics"})
    assert actor is not None
    assert expected == actor.user


@pytest_twisted.ensureDeferred
async def test_what_changes_with_the_password_is_known_at_the_login_and_later(directory):
    ldap = directory(password_attribute="description")
    actor = await ldap.authenticate(Password("alice", "secret of alice"))
    assert actor is not None and actor.user.mark
    found = await directory(password_attribute="description").find_user("alice")
    assert found is not None and found.mark == actor.user.mark
    plain = await directory().find_user("alice")
    assert plain is not None and plain.mark == ""


@pytest_twisted.ensureDeferred
async def test_wrong_password(directory):
    with capturedLogs() as events, pytest.raises(Unauthenticated, match="wrong user name or password"):
        await directory().authenticate(Password("alice", "guess"))

    assert events == []


@pytest_twisted.ensureDeferred
async def test_unknown_people_and_tokens(directory):
    ldap = directory()

    assert await ldap.authenticate(Password("nobody", "secret of alice")) is None
    assert await ldap.authenticate(Bearer("abc")) is None
    for name in ("", " ", "a\0b", "\udcff", "x" * 257):
        assert await ldap.authenticate(Password(name, "secret of alice")) is None


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("secret", ["", "\0", "\0secret of alice", "secret of alice\0", "\udcff"])
async def test_what_is_no_password_is_never_sent(directory, slapd, secret):
    before = slapd.binds()
    for ldap in (directory(), directory(user_dn=f"uid={{user}},{PEOPLE}")):
        with pytest.raises(Unauthenticated):
            await ldap.authenticate(Password("alice", secret))

    assert before == slapd.binds()


@pytest_twisted.ensureDeferred
async def test_the_id_is_spelled_as_in_the_directory(directory):
    for name in ("bob", "BOB", " Bob "):
        actor = await directory().authenticate(Password(name, "secret of Bob"))
        assert actor.id == "Bob"

    actor = await directory(user_lower=True).authenticate(Password("Bob", "secret of Bob"))
    assert actor.id == "bob"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("template", ["", f"uid={{user}},{PEOPLE}"])
async def test_strange_names(directory, template):
    ldap = directory(user_dn=template)
    for name in STRANGE:
        actor = await ldap.authenticate(Password(name, f"secret of {name}"))
        assert actor.id == name
        with pytest.raises(Unauthenticated):
            await ldap.authenticate(Password(name, "secret of alice"))


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    "name", ["alic*", "*lice", "al?ce", "alice)(uid=alice", "alice)(|(uid=*", "\\61lice", "alice\\2a", "alice*)"]
)
@pytest.mark.parametrize("template", ["", f"uid={{user}},{PEOPLE}"])
async def test_nobody_can_be_meant_by_syntax(directory, name, template):
    assert await directory(user_dn=template).authenticate(Password(name, "secret of alice")) is None


@pytest_twisted.ensureDeferred
async def test_a_name_does_not_lead_to_another_branch(directory, slapd):
    ldap = directory(user_dn=f"uid={{user}},{PEOPLE}")

    with pytest.raises(Unauthenticated):
        await ldap.authenticate(Password("k,ou=admins", "secret of k"))
    assert (await ldap.authenticate(Password("k,ou=admins", "secret of k,ou=admins"))).id == "k,ou=admins"
    assert await ldap.authenticate(Password("k,ou=admins,ou=people", "secret of k")) is None


@pytest_twisted.ensureDeferred
async def test_several_names_for_one_person(directory):
    ldap = directory(user_filter=EITHER)

    assert (await ldap.authenticate(Password("bob@example.org", "secret of Bob"))).id == "Bob"
    assert (await ldap.authenticate(Password("CARO", "secret of carol"))).id == "carol"


@pytest_twisted.ensureDeferred
async def test_one_name_for_several_people_is_refused(directory, slapd):
    before = len(slapd.binds())
    with capturedLogs() as events, pytest.raises(Unauthenticated, match="wrong user name or password"):
        await directory(user_filter=EITHER).authenticate(Password("shared@example.org", "secret of Bob"))

    assert "several entries fit 'shared@example.org'" in events[0]["detail"]
    assert dn_of("Bob") not in slapd.binds()[before:]


@pytest_twisted.ensureDeferred
async def test_unknown_costs_what_wrong_costs(directory, slapd):
    ldap = directory()
    await ldap.authenticate(Password("alice", "secret of alice"))
    counts = []
    for name in ("alice", "nobody"):
        before = len(slapd.binds()), slapd.log().count(" SRCH base")
        assert await is_refused(ldap, Password(name, "guess"))
        counts.append((len(slapd.binds()) - before[0], slapd.log().count(" SRCH base") - before[1]))

    assert counts[0] == counts[1] == (1, 1)


@pytest_twisted.ensureDeferred
async def test_an_entry_to_try_for_unknown_people(directory, slapd):
    before = len(slapd.binds())
    assert await directory(decoy_dn=dn_of("carol")).authenticate(Password("nobody", "secret of carol")) is None

    assert dn_of("carol") in slapd.binds()[before:]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("locked", "the account is locked"),
        ("reset", "the password must be changed first"),
        ("expired", "the password has expired"),
    ],
)
@pytest.mark.parametrize("template", ["", f"uid={{user}},{PEOPLE}"])
async def test_closed_accounts(directory, name, reason, template):
    with capturedLogs() as events, pytest.raises(Unauthenticated, match="wrong user name or password"):
        await directory(user_dn=template).authenticate(Password(name, f"secret of {name}"))

    assert [f"{dn_of(name)}: {reason}"] == [event["detail"] for event in events]


@pytest_twisted.ensureDeferred
async def test_an_entry_that_cannot_be_used(directory):
    ldap = directory(quota_attribute="description")

    with capturedLogs() as events, pytest.raises(Forbidden, match="cannot be used"):
        await ldap.authenticate(Password("broken", "secret of broken"))
    assert "description" in events[0]["what"]
    with pytest.raises(Forbidden):
        await directory(attributes=["l"]).authenticate(Password("bob", "secret of Bob"))


@pytest_twisted.ensureDeferred
async def test_direct_bind_without_an_own_account(directory, slapd):
    before = len(slapd.binds())
    more = {"user_dn": f"uid={{user}},{PEOPLE}", "bind_dn": "", "bind_password": "", "groups": "member", "group_base": BASE}
    ldap = directory(**more, base="")

    actor = await ldap.authenticate(Password("ALICE", "secret of alice"))

    assert (actor.id, actor.user.groups) == ("alice", {"optics", "com,ma"})
    # Whether there is an alice, the server does not tell.
    assert await ldap.authenticate(Password("alice", "guess")) is None
    assert await ldap.authenticate(Password("nobody", "guess")) is None
    assert [f"uid={name},{PEOPLE}" for name in ("ALICE", "alice", "nobody")] == slapd.binds()[before:]


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("own", [True, False])
async def test_nobody_is_gone_because_the_gateway_may_not_look(directory, own):
    account = {} if own else {"bind_dn": "", "bind_password": ""}
    ldap = directory(user_dn=f"uid={{user}},{PEOPLE}", base="", **account)
    gone = []
    ldap.changed.append(lambda before, now: gone.append(before.id) if now is None else None)
    for name in ("alice", "Bob"):
        assert (await ldap.authenticate(Password(name, f"secret of {name}"))).id == name
    assert (await ldap.find_anew("alice") is not None) == own
    assert ldap.sees == own
    # As if the entry had been removed.
    ldap._known.put("Bob", None)
    assert gone == (["Bob"] if own else [])


@pytest_twisted.ensureDeferred
async def test_direct_bind_with_an_own_account(directory):
    ldap = directory(user_dn=f"uid={{user}},{PEOPLE}")

    assert (await ldap.authenticate(Password("Alice", "secret of alice"))).id == "alice"
    with pytest.raises(Unauthenticated):
        await ldap.authenticate(Password("alice", "guess"))
    assert await ldap.authenticate(Password("nobody", "guess")) is None


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("template", ["", f"uid={{user}},{PEOPLE}"])
async def test_the_filter_decides_who_may_come(directory, template):
    ldap = directory(user_dn=template, user_filter="(&(ou=physics)(uid={user}))")

    assert await ldap.authenticate(Password("alice", "secret of alice"))
    if template:
        with pytest.raises(Unauthenticated):
            await ldap.authenticate(Password("bob", "secret of Bob"))
    else:
        assert await ldap.authenticate(Password("bob", "secret of Bob")) is None


@pytest_twisted.ensureDeferred
async def test_only_directly_below_the_base(directory):
    assert await directory().authenticate(Password("k", "secret of k"))
    assert await directory(scope="one").authenticate(Password("k", "secret of k")) is None


@pytest_twisted.ensureDeferred
async def test_many_at_once(directory, slapd):
    ldap = directory(threads=4)
    before = slapd.binds()
    logins = [(name, f"secret of {name}") for name in STRANGE] + [(name, "guess") for name in STRANGE]

    found = await gatherResults([Deferred.fromCoroutine(is_refused(ldap, Password(*login))) for login in logins])

    assert [False] * len(STRANGE) + [True] * len(STRANGE) == found
    service = slapd.binds().count(GATEWAY) - before.count(GATEWAY)
    assert 1 <= service <= 4
    assert len(slapd.binds()) - len(before) == len(logins) + service


@pytest_twisted.ensureDeferred
async def test_secrets_stay_inside(directory):
    ldap = directory(user_filter=EITHER)
    guess = token_hex()
    with capturedLogs() as events:
        for name in ("alice", "locked", "shared@example.org", "nobody"):
            assert await is_refused(ldap, Password(name, guess))
        with pytest.raises(DirectoryUnavailable) as caught:
            await directory(base="ou=nothing,dc=example,dc=org").authenticate(Password("alice", guess))

    seen = repr(events) + repr(caught.value.__cause__) + "".join(format_exception(caught.value))
    assert "several entries" in seen
    assert guess not in seen
    assert "opens doors" not in seen + repr(ldap) + repr(vars(ldap))


async def is_refused(ldap: LdapDirectory, password: Password) -> bool:
    try:
        return await ldap.authenticate(password) is None
    except Unauthenticated as error:
        assert password.secret not in repr(error)
        return True
