from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.identity.oidc.errors import InsufficientScope, InvalidToken
from clawgate.identity.oidc.rules import Rules, judge
from clawgate.settings import Oidc

from .forge import CLAIMS, ISSUER, NOW

RULES = Rules.of(Oidc(issuer=ISSUER, audiences=["files"], leeway=30.0))
MISSING = object()


def change(**members):
    return {name: value for name, value in {**CLAIMS, **members}.items() if value is not MISSING}


def test_a_good_token():
    assert judge(CLAIMS, RULES, NOW) == NOW + 300


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 29},
        {"nbf": NOW + 29},
        {"iat": NOW + 29},
        {"iat": MISSING},
        {"iat": NOW + 0.5},
        {"aud": ["other", "files"]},
        {"typ": "Bearer"},
        {"token_type": "bearer"},
        {"cnf": {"kid": "x"}},
    ],
)
def test_still_good(claims):
    judge(change(**claims), RULES, NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://idp.example.org/realms/other"},
        {"iss": ISSUER + "/"},
        {"iss": MISSING},
        {"iss": [ISSUER]},
        {"exp": NOW - 30},
        {"exp": MISSING},
        {"exp": "never"},
        {"exp": True},
        {"exp": math.inf},
        {"exp": math.nan},
        {"nbf": NOW + 31},
        {"iat": NOW + 31},
        {"iat": "now"},
        {"aud": "other"},
        {"aud": ["file"]},
        {"aud": []},
        {"aud": MISSING},
        {"aud": {"files": 1}},
        {"aud": ["files", 7]},
        {"aud": MISSING, "azp": "files", "client_id": "files"},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"token_type": "DPoP"},
        {"cnf": {"jkt": "x"}},
        {"cnf": {"x5t#S256": "x"}},
        {"cnf": "x"},
    ],
)
def test_refused(claims):
    with pytest.raises(InvalidToken) as caught:
        judge(change(**claims), RULES, NOW)

    assert caught.value.challenge["error"] == "invalid_token"


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"azp": "desktop"}, True),
        ({"client_id": "desktop"}, True),
        ({"azp": "desktop", "client_id": "other"}, True),
        ({"azp": "other"}, False),
        ({"azp": ["desktop"]}, False),
        ({"aud": "desktop"}, False),
        ({"aud": "files"}, True),
    ],
)
def test_accepted_clients(claims, good):
    rules = attrs.evolve(RULES, clients=frozenset({"desktop"}))
    if good:
        judge(change(**{"aud": "other", **claims}), rules, NOW)
    else:
        with pytest.raises(InvalidToken):
            judge(change(**{"aud": "other", **claims}), rules, NOW)


def test_any_audience():
    judge(change(aud=MISSING), attrs.evolve(RULES, audiences=frozenset({"*"})), NOW)


@pytest.mark.parametrize(
    "scopes", [{"scope": "a b c"}, {"scope": ["b", "a"]}, {"scope": MISSING, "scp": "a b"}, {"scp": ["a", "b"]}]
)
def test_enough_scopes(scopes):
    judge(change(**scopes), attrs.evolve(RULES, scopes=frozenset("ab")), NOW)


@pytest.mark.parametrize(
    "scopes", [{"scope": MISSING}, {"scope": "a"}, {"scope": "ab"}, {"scope": {"a": 1, "b": 1}}, {"scope": [["a"], "b"]}]
)
def test_too_few_scopes(scopes):
    with pytest.raises(InsufficientScope) as caught:
        judge(change(**scopes), attrs.evolve(RULES, scopes=frozenset("ab")), NOW)

    assert caught.value.challenge["error"] == "insufficient_scope"
    assert caught.value.challenge["scope"] == "a b"


def test_levels_of_authentication():
    rules = attrs.evolve(RULES, acr=("mfa", "phr"))
    judge(change(acr="phr"), rules, NOW)
    for weak in ("pwd", MISSING, ["phr"]):
        with pytest.raises(InvalidToken) as caught:
            judge(change(acr=weak), rules, NOW)
        assert caught.value.challenge["error"] == "insufficient_user_authentication"
        assert caught.value.challenge["acr_values"] == "mfa phr"


def test_what_an_issuer_need_not_say_when_it_was_asked():
    lean = {"active": True, "aud": "files", "sub": "4711"}

    assert judge(lean, RULES, NOW, asked=True) is None
    assert judge(lean | {"exp": NOW + 5}, RULES, NOW, asked=True) == NOW + 5
    for wrong in ({"iss": "https://other"}, {"exp": NOW - 31}, {"aud": "other"}, {"aud": None}, {"token_type": "mac"}):
        with pytest.raises(InvalidToken):
            judge(lean | wrong, RULES, NOW, asked=True)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["iss", "aud", "azp", "exp", "nbf", "iat", "scope", "scp", "acr", "typ", "cnf"]), anything)
def test_claims_may_be_anything(name, value):
    rules = attrs.evolve(RULES, clients=frozenset({"desktop"}), scopes=frozenset({"files"}))
    try:
        judge({**CLAIMS, name: value}, rules, NOW)
    except (InvalidToken, InsufficientScope):
        return
    assert name != "iss" or value == ISSUER
