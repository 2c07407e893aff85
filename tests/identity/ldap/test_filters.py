from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.identity.ldap import filters
from clawgate.identity.ldap.library import check_filter

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("alice", "alice"),
        ("a.b-c_d@e", "a.b-c_d@e"),
        # RFC 4515 section 4
        (
            "Parens R Us (for all your parenthetical needs)",
            "Parens\\20R\\20Us\\20\\28for\\20all\\20your\\20parenthetical\\20needs\\29",
        ),
        ("*", "\\2a"),
        ("C:\\MyFile", "C\\3a\\5cMyFile"),
        (b"\x00\x00\x00\x04", "\\00\\00\\00\\04"),
        ("Lučić", "Lu\\c4\\8di\\c4\\87"),
        ("\0", "\\00"),
        ("", ""),
    ],
)
def test_escaping(value, text):
    assert text == filters.escaped(value)


@given(TEXTS)
def test_nothing_is_lost(value):
    found = re.sub(r"\\([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), filters.escaped(value)).encode("latin-1")

    assert value.encode() == found


@given(TEXTS)
def test_nothing_is_syntax(value):
    assert not set(filters.escaped(value)) & set("()*&|!=<>~: ")
    check_filter(filters.fill("(|(uid={user})(mail=*{user}*))", value + "x"))


def test_joining():
    assert filters.all_of() == ""
    assert filters.all_of("", "(a=b)") == "(a=b)"
    assert filters.all_of("(a=b)", "(c=d)") == "(&(a=b)(c=d))"
    assert filters.any_of("(a=b)", "", "(c=d)") == "(|(a=b)(c=d))"


def test_templates():
    assert filters.fill("(|(uid={user})(mail={user}))", "a*") == "(|(uid=a\\2a)(mail=a\\2a))"
    assert filters.anybody("(&(ou=x)(uid={user}))") == "(&(ou=x)(uid=*))"


@pytest.mark.parametrize("text", ["", "uid=x", "(uid=x", "(uid=x))", "(&(uid=x)", "(uid)", "(uid=x)(a=b)"])
def test_no_filter(text):
    with pytest.raises(ValueError, match="is not a search filter"):
        check_filter(text)
