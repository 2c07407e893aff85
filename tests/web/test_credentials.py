from __future__ import annotations

from base64 import b64encode
from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from clawgate.model.people import Bearer, Password
from clawgate.web import credentials

text = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30)


@given(text.filter(lambda user: ":" not in user), text)
def test_basic(user: str, secret: str) -> None:
    coded = b64encode(f"{user}:{secret}".encode()).decode()
    assert credentials.parse("Basic " + coded) == Password(user, secret)
    assert credentials.parse("basic   " + coded.rstrip("=")) == Password(user, secret)


@given(st.text(max_size=40))
def test_garbage(value: str) -> None:
    credentials.parse(value)
    credentials.parse("Basic " + value)
    credentials.parse("Bearer " + value)


def test_others() -> None:
    assert credentials.parse("Bearer a.b-c_d~e+f/g==") == Bearer("a.b-c_d~e+f/g==")
    assert credentials.parse("Basic " + b64encode("ü:ß".encode("latin-1")).decode()) == Password("ü", "ß")
    nothing = (
        None,
        "",
        "Basic",
        "Basic !",
        "Basic " + b64encode(b"nocolon").decode(),
        "Basic A",
        "Bearer",
        "Bearer a b",
        "Digest x",
    )
    for value in nothing:
        assert credentials.parse(value) is None
    assert "geheim" not in repr(credentials.parse("Basic " + b64encode(b"u:geheim").decode()))


def test_challenges() -> None:
    both = credentials.challenges('a "b"', True, True, False)
    assert [value for _, value in both] == [
        b'Bearer realm="a \\"b\\"", charset="UTF-8"',
        b'Basic realm="a \\"b\\"", charset="UTF-8"',
    ]
    assert credentials.challenges("r", False, True, True) == []
    assert [value[:6] for _, value in credentials.challenges("r", True, True, True)] == [b"Bearer"]


def test_what_is_wrong_with_a_token() -> None:
    more = (("error", "invalid_token"), ("error_description", 'say "no"\r\nX: y ü'))
    bearer, basic = credentials.challenges("r", True, True, False, more)

    assert bearer[1] == b'Bearer realm="r", charset="UTF-8", error="invalid_token", error_description="say \\"no\\"??X: y ?"'
    assert basic[1] == b'Basic realm="r", charset="UTF-8"'


class Stepped(Exception):
    challenge: ClassVar = {"error": "insufficient_user_authentication", "acr_values": "mfa"}


def test_errors_that_know_more() -> None:
    assert credentials.parameters(Stepped()) == (("error", "insufficient_user_authentication"), ("acr_values", "mfa"))
    assert credentials.parameters(ValueError()) == ()
