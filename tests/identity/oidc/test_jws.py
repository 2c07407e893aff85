from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.identity.oidc import keys
from clawgate.identity.oidc.errors import InvalidToken
from clawgate.identity.oidc.jws import read, verified

from .forge import CLAIMS, ISSUER, encode

ALL = ("RS256", "PS256", "ES256", "EdDSA")


@pytest.fixture
def known(forge):
    return keys.parse({"keys": [forge.jwk("rsa"), forge.jwk("ec"), forge.jwk("ed")]}, ALL)


def verify(known, token):
    seen = read(token)
    assert seen is not None
    return verified(seen, keys.fitting(known, seen.key_id, seen.algorithm))


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")])
@pytest.mark.parametrize("kid", [True, False])
def test_what_the_keys_signed(forge, known, algorithm, key, kid):
    token = forge.token(algorithm, key, header=None if kid else {"kid": None})

    assert verify(known, token) == CLAIMS
    seen = read(token)
    assert (seen.algorithm, seen.key_id, seen.issuer) == (algorithm, key if kid else None, ISSUER)


def test_what_others_signed(forge, known):
    assert verify(known, forge.token("RS256", "foreign")) is None
    assert verify(known, forge.token("RS256", "foreign", {"kid": "rsa"})) is None
    assert verify(known, forge.token("RS256", "foreign", {"kid": None})) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS256", "RS256", "RS512", "ES256"])
def test_no_signature(forge, known, algorithm):
    assert verify(known, forge.unsigned(algorithm)) is None


@pytest.mark.parametrize("pem", [True, False])
def test_a_public_key_is_no_secret(forge, pem):
    token = forge.with_public_key_as_secret(pem=pem)

    for allowed in (ALL, (*ALL, "HS256")):
        assert verify(keys.parse({"keys": [forge.jwk("rsa")]}, allowed), token) is None


def test_a_key_stands_for_its_algorithms_only(forge):
    pinned = keys.parse({"keys": [forge.jwk("rsa", alg="RS256")]}, ALL)

    assert verify(pinned, forge.token("RS256")) == CLAIMS
    assert verify(pinned, forge.token("PS256")) is None
    assert verify(keys.parse({"keys": [forge.jwk("rsa")]}, ("PS256",)), forge.token("RS256")) is None


def test_changed_afterwards(forge, known):
    head, _, signature = forge.token().split(".")

    assert verify(known, f"{head}.{encode(CLAIMS | {'preferred_username': 'admin'})}.{signature}") is None
    assert verify(known, f"{head}.{encode(CLAIMS)}.{signature[:-4]}AAAA") is None


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 7},
        {"typ": ["jwt"]},
        {"kid": 7},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
    ],
)
def test_other_kinds(forge, header):
    with pytest.raises(InvalidToken):
        read(forge.token(header=header))


@pytest.mark.parametrize("kind", ["JWT", "at+JWT", "application/at+jwt", None])
def test_kinds_that_access_tokens_have(forge, known, kind):
    assert verify(known, forge.token(header={"typ": kind})) == CLAIMS


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "..",
        f"{encode(b'[]')}.{encode(CLAIMS)}.",
        f"{encode({'typ': 'JWT'})}.x.",
        "ü.ü.ü",
    ],
)
def test_opaque_tokens(token):
    assert read(token) is None


@pytest.mark.parametrize("claims", [b"", b"[]", b"7", b"{", b"[" * 40_000])
def test_tokens_without_claims(claims):
    with pytest.raises(InvalidToken):
        read(f"{encode({'alg': 'RS256'})}.{encode(claims)}.x")


@given(st.one_of(st.text(max_size=60), st.lists(st.text("AQeyJ0-_=.", max_size=20), min_size=3, max_size=3).map(".".join)))
def test_garbage(token):
    assert read(token) is None


def test_nothing_of_a_token_is_in_what_is_raised(forge):
    token = forge.token(header={"typ": "other"})
    with pytest.raises(InvalidToken) as caught:
        read(token)

    assert not any(part in f"{caught.value!r} {caught.value.detail}" for part in token.split("."))
