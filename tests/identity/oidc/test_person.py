from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.identity.oidc.build import attributes
from clawgate.identity.oidc.errors import InvalidToken
from clawgate.identity.oidc.person import Mapper, find, person
from clawgate.model.people import User
from clawgate.settings import Oidc

CLAIMS = {
    "sub": "4711",
    "preferred_username": "Alice.Adams",
    "name": "Alice Adams",
    "email": "alice@example.org",
    "groups": ["physics", "/lab/all"],
    "realm_access": {"roles": ["staff"]},
    "https://example.org/groups": ["url"],
    "uid": 1234,
    "gidNumber": ["100"],
    "quota": "10 GiB",
    "org": {"unit": {"name": "IT"}},
    "active": True,
    "many": ["a", "b"],
}


def map(claims=CLAIMS, **settings):
    chosen = Oidc(**settings)
    return person(claims, Mapper.of(chosen, attributes("test", chosen)))


def test_by_default():
    assert map() == User("Alice.Adams", "Alice Adams", "alice@example.org", frozenset({"physics", "/lab/all"}))


def test_halves_of_characters_are_not_taken_over():
    """Some who cut names off make such."""
    odd = {"name": "Alice \ud83d", "email": "\udcff@x", "groups": ["a", "\ud83d"], "unit": "\ud83d"}
    assert map(CLAIMS | odd, attributes=["unit"]) == User("Alice.Adams", groups=frozenset({"a"}))
    with pytest.raises(InvalidToken):
        map(CLAIMS | {"preferred_username": "alice\ud83d"})


def test_everything():
    user = map(
        user_claim="email",
        user_pattern=r"([^@]+)@example\.org",
        user_lower=True,
        user_suffix="@lab",
        groups_claim="realm_access.roles",
        uid_claim="uid",
        gid_claim="gidNumber",
        quota_claim="quota",
        attributes=["active", "unit=org.unit.name", "many", "missing", "number = uid"],
    )

    assert user == User(
        "alice@lab", "Alice Adams", "alice@example.org", frozenset({"staff"}), 10 * 2**30, 1234, 100,
        {"active": "true", "unit": "IT", "number": "1234"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "id"),
    [
        ({}, "Alice.Adams"),
        ({"user_lower": True}, "alice.adams"),
        ({"user_pattern": r"[A-Z].*"}, "Alice.Adams"),
        ({"user_pattern": r"(\w+)\.\w+"}, "Alice"),
        ({"user_claim": "sub"}, "4711"),
        ({"user_claim": "uid"}, "1234"),
        ({"user_claim": "org.unit.name"}, "IT"),
    ],
)
def test_ids(settings, id):
    assert map(**settings).id == id


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        ({"user_claim": "upn"}, "'upn' is missing"),
        ({"user_claim": "org.unit"}, "'org.unit' is missing"),
        ({"user_claim": "many"}, "'many' is missing"),
        ({"user_pattern": "Bob"}, "user_pattern"),
        ({"user_pattern": r"(\d*).*"}, "user_pattern"),
        ({"user_claim": "https://example.org/groups", "user_suffix": "/x"}, "'https://example.org/groups'"),
        ({"quota_claim": "name"}, "'name'"),
        ({"uid_claim": "name"}, "'name'"),
        ({"gid_claim": "bad"}, "'bad'"),
    ],
)
def test_claims_that_are_missing_or_wrong_are_named_for_the_operator(settings, detail):
    with pytest.raises(InvalidToken) as caught:
        map({**CLAIMS, "bad": -1}, **settings)

    assert detail in caught.value.detail
    assert "claim" not in str(caught.value)


@pytest.mark.parametrize("id", ["", "..", ".", "a/b", "a:b", "a\nb", " a", "x" * 200, None, [], {}])
def test_ids_that_cannot_be_used(id):
    with pytest.raises(InvalidToken):
        map({"preferred_username": id})


@pytest.mark.parametrize(
    ("groups", "expected"),
    [("one", {"one"}), (["a", 7, None, ""], {"a"}), ({"admin": {"1": "x"}}, {"admin"}), (None, set()), (7, set())],
)
def test_groups(groups, expected):
    assert map({**CLAIMS, "groups": groups}).groups == expected


def test_paths():
    assert find(CLAIMS, "realm_access.roles") == ["staff"]
    assert find(CLAIMS, "https://example.org/groups") == ["url"]
    assert find({"a.b": {"c": 1}}, "a.b.c") == 1
    assert find({"a": {"x": 1}, "a.b": {"c": 2}}, "a.b.c") == 2
    assert find({"a": {"b.c": 3}}, "a.b.c") == 3
    for nowhere in ("", ".", "a..b", "name.x", "realm_access.roles.0"):
        assert find(CLAIMS, nowhere) is None


@given(st.text(max_size=200))
def test_whatever_becomes_an_id_fits_into_a_path(text):
    try:
        user = map({"preferred_username": text})
    except InvalidToken:
        return
    assert user.id not in ("", ".", "..") and not set(user.id) & set("/:\0\n") and len(user.id.encode()) <= 128
