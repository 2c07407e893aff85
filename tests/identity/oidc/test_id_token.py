from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

import attrs
import pytest

from clawgate.identity.oidc.errors import InvalidToken
from clawgate.identity.oidc.id_token import Expected, belongs, judge
from clawgate.identity.oidc.rules import Rules
from clawgate.settings import Oidc

from .forge import ISSUER, NOW

RULES = Rules.of(Oidc(issuer=ISSUER, audiences=["files"], scopes=["files"], leeway=30.0))
EXPECTED = Expected("pages", "n-1")
CLAIMS = {"iss": ISSUER, "sub": "4711", "aud": "pages", "exp": NOW + 300, "iat": NOW, "nonce": "n-1"}
MISSING = object()


def change(**members):
    return {name: value for name, value in {**CLAIMS, **members}.items() if value is not MISSING}


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS,
        change(aud=["pages"]),
        change(azp="pages"),
        change(aud=["other", "pages"], azp="pages"),
        change(iat=MISSING),
        change(iat=NOW + 30),
        change(exp=NOW - 29),
        # Keycloak says so in a claim; it is no bearer token.
        change(typ="ID"),
    ],
)
def test_good_ones(claims):
    judge(claims, RULES, EXPECTED, NOW)


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        (change(iss="https://idp.example.org"), "issuer"),
        (change(iss=MISSING), "issuer"),
        (change(sub=MISSING), "sub"),
        (change(sub=""), "sub"),
        (change(sub=4711), "sub"),
        (change(aud="files"), "aud"),
        (change(aud=["other"]), "aud"),
        (change(aud=MISSING), "aud"),
        (change(aud={"pages": 1}), "aud"),
        (change(aud=["other", "pages"]), "azp"),
        (change(azp="other"), "azp"),
        (change(azp=["pages"]), "azp"),
        (change(nonce="n-2"), "nonce"),
        (change(nonce=MISSING), "nonce"),
        (change(nonce=["n-1"]), "nonce"),
        (change(nonce="\udcff"), "nonce"),
        (change(exp=NOW - 30), "expired"),
        (change(exp=MISSING), "expired"),
        (change(exp="never"), "exp is no time"),
        (change(iat=NOW + 31), "ahead"),
        (change(nbf=NOW + 31), "ahead"),
    ],
)
def test_bad_ones(claims, detail):
    with pytest.raises(InvalidToken) as found:
        judge(claims, RULES, EXPECTED, NOW)
    assert detail in found.value.detail


def test_the_level_of_the_login():
    rules = attrs.evolve(RULES, acr=("gold", "silver"))
    judge(change(acr="silver"), rules, EXPECTED, NOW)
    for acr in ("bronze", MISSING, ["silver"]):
        with pytest.raises(InvalidToken, match="stronger"):
            judge(change(acr=acr), rules, EXPECTED, NOW)


@pytest.mark.parametrize(("algorithm", "make"), [("RS256", hashlib.sha256), ("ES384", hashlib.sha384), ("PS512", hashlib.sha512)])
def test_whose_access_token(algorithm, make):
    digest = make(b"access").digest()
    stated = urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")
    belongs({"at_hash": stated}, algorithm, "access")
    belongs({}, algorithm, "access")
    for wrong in (stated[:-1], "", 7):
        with pytest.raises(InvalidToken):
            belongs({"at_hash": wrong}, algorithm, "access")
    with pytest.raises(InvalidToken):
        belongs({"at_hash": stated}, algorithm, "another")
