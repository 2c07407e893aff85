from __future__ import annotations

import pytest

from clawgate.identity.oidc.errors import NoAnswer
from clawgate.identity.oidc.keys import TRIES, fitting, parse

ALL = ("RS256", "PS256", "ES256", "EdDSA")


@pytest.mark.parametrize(
    ("key", "members"),
    [
        ("rsa", {"use": "enc"}),
        ("rsa", {"alg": "RS512"}),
        ("rsa", {"alg": "HS256"}),
        ("rsa", {"alg": "RSA-OAEP"}),
        ("rsa", {"key_ops": ["encrypt"]}),
        ("rsa", {"key_ops": "verify"}),
        ("rsa", {"kid": 7}),
        ("rsa", {"kty": "EC"}),
        ("rsa", {"kty": "oct", "k": "c2VjcmV0"}),
        ("rsa", {"kty": ["RSA"]}),
        ("rsa", {"n": "!"}),
        ("rsa", {"n": None}),
        ("short", {}),
        ("ec", {"crv": "secp256k1"}),
        ("ec", {"x": "AAAA"}),
        ("ec", {"alg": "RS256"}),
        ("ed", {"crv": "X25519"}),
    ],
)
def test_keys_that_are_not_used(forge, key, members):
    wrong = {name: value for name, value in forge.jwk(key, **members).items() if value is not None}
    good = forge.jwk("ed" if key != "ed" else "ec")

    assert [one.id for one in parse({"keys": [wrong, "nonsense", None, good]}, ALL)] == [good["kid"]]
    with pytest.raises(NoAnswer):
        parse({"keys": [wrong]}, ALL)


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": []}])
def test_no_keys(document):
    with pytest.raises(NoAnswer):
        parse(document, ALL)


def test_which_key_fits(forge):
    known = parse({"keys": [forge.jwk("rsa"), forge.jwk("foreign"), forge.jwk("ec", key_ops=["verify"])]}, ALL)

    assert len(fitting(known, "rsa", "RS256")) == 1
    assert len(fitting(known, None, "RS256")) == 2
    assert not fitting(known, "rsa", "ES256")
    assert not fitting(known, "unknown", "RS256")
    assert not fitting(known, None, "HS256")


def test_a_key_id_may_stand_twice(forge):
    known = parse({"keys": [forge.jwk("rsa", kid="1"), forge.jwk("foreign", kid="1")]}, ALL)

    assert len(fitting(known, "1", "RS256")) == 2


def test_a_token_without_key_id_is_not_tried_with_any_number_of_keys(forge):
    known = parse({"keys": [forge.jwk("rsa", kid=str(number)) for number in range(50)]}, ALL)

    assert len(fitting(known, None, "RS256")) == TRIES


def test_private_parts_are_not_taken(forge):
    known = parse({"keys": [forge.jwk("rsa", d="AQAB", p="AQAB")]}, ALL)

    assert not hasattr(fitting(known, "rsa", "RS256")[0].key, "private_numbers")
