"""People of a directory whose ids have a suffix, so that they are nobody else of another one."""

from __future__ import annotations

import pytest
import pytest_twisted

from clawgate.errors import Unauthenticated
from clawgate.interfaces import Match
from clawgate.model.people import Password

from .people import GROUPS, PEOPLE

LAB = "@lab.example.org"
BOTH = "(|(uid={user})(mail={user}))"
DIRECT = {"user_dn": f"uid={{user}},{PEOPLE}"}
ALICE = Match(f"alice{LAB}", "Alice Adams", "alice@example.org")


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("more", [{}, {"user_filter": BOTH}, DIRECT, DIRECT | {"base": ""}])
async def test_logging_in(directory, more):
    ldap = directory(user_suffix=LAB, groups="memberUid", group_base=GROUPS, **more)
    for name in ("alice", f"alice{LAB}"):
        actor = await ldap.authenticate(Password(name, "secret of alice"))
        assert (actor.id, actor.user.name, actor.user.groups) == (f"alice{LAB}", "Alice Adams", {"lab", "users"})
        with pytest.raises(Unauthenticated):
            await ldap.authenticate(Password(name, "guess"))
    for name in ("alice@other", LAB, f"{LAB}{LAB}", f"alice{LAB}{LAB}", f"al*{LAB}", "alice@lab"):
        assert await ldap.authenticate(Password(name, "secret of alice")) is None


@pytest_twisted.ensureDeferred
async def test_an_id_counts_before_anything_else_that_fits(directory):
    """carol's mail address is also what shared's id would be, and nobody has that; alice's id is also alice's address."""
    ldap = directory(user_suffix="@example.org", user_filter=BOTH)
    assert (await ldap.authenticate(Password("alice@example.org", "secret of alice"))).id == "alice@example.org"
    assert (await ldap.authenticate(Password("broken@example.org", "secret of broken"))).id == "broken@example.org"
    # Nobody's id, but the address of two people.
    with pytest.raises(Unauthenticated):
        await ldap.authenticate(Password("shared@example.org", "secret of carol"))
    assert (await ldap.authenticate(Password("bob@example.org", "secret of Bob"))).id == "Bob@example.org"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("more", [{}, DIRECT | {"base": ""}])
async def test_finding(directory, more):
    ldap = directory(user_suffix=LAB, **more)
    found = await ldap.find_user(f"alice{LAB}")
    assert (found.id, found.mail) == (f"alice{LAB}", "alice@example.org")
    assert (await ldap.find_user(f"star*{LAB}")).id == f"star*{LAB}"
    for id in ("alice", LAB, f"ALICE{LAB}", f"nobody{LAB}", f"alice{LAB.upper()}", f"alice{LAB}{LAB}"):
        assert await ldap.find_user(id) is None
    assert (await directory(user_suffix=LAB, user_lower=True).find_user(f"bob{LAB}")).id == f"bob{LAB}"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice", [ALICE]),
        ("ICE@lab.ex", [ALICE]),
        (f"alice{LAB}", [ALICE]),
        ("Adams", [ALICE]),
        (f"lic{LAB}", []),
        ("alice@labs", []),
        ("alice@example.org", [ALICE]),
        (
            "shared@example",
            [Match(f"Bob{LAB}", "Bob Baker", "bob@example.org"), Match(f"carol{LAB}", "Carol Carter", "shared@example.org")],
        ),
    ],
)
async def test_searching(directory, text, expected):
    assert list(await directory(user_suffix=LAB).search(text, 10)) == expected


@pytest_twisted.ensureDeferred
async def test_what_is_in_the_suffix_is_in_every_id(directory):
    ldap = directory(user_suffix=LAB, search_limit=1000)
    everybody = await ldap.search("lab.EXAMPLE", 1000)
    assert len(everybody) > 20
    assert all(one.id.endswith(LAB) for one in everybody)
    assert [one.id for one in await ldap.search("e@lab", 1000)] == [f"alice{LAB}", f'quo"te{LAB}', f"Žofie{LAB}"]
