"""What searches mean, without anything to search."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest
from clawgate.interfaces import Found
from clawgate.model.path import Path
from clawgate.protocols.webdav.searching import conditions, kql
from clawgate.protocols.webdav.searching.conditions import (
    All,
    Any,
    IsFolder,
    Media,
    Modified,
    Name,
    Not,
    Size,
    Starred,
    fold,
    matcher,
)

NOW = 1_800_000_000.0
"""2027-01-15 08:00 UTC, a Friday."""


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_patterns_match_as_regular_expressions(pattern, text):
    expected = re.compile("".join({"*": ".*", "?": "."}.get(char, char) for char in pattern)).fullmatch(text) is not None
    assert bool(matcher(pattern)(text)) == expected


def test_many_stars_end():
    assert not matcher("*a" * 100 + "*b")("a" * 255)
    assert matcher("*a" * 100 + "*")("a" * 255)


@given(st.text(max_size=20))
def test_folding(text):
    assert fold(fold(text)) == fold(text)
    assert bool(matcher(text.replace("*", "").replace("?", ""))(fold(text.replace("*", "").replace("?", ""))))


@given(st.text('ab":()* <>=ANDORT1-+', max_size=30))
def test_whatever_is_typed_means_something(text):
    query = kql.parse(text, NOW)
    conditions.test(query.condition, ())(Found(Path("a"), "a", False, 1, 1, "i"))
    conditions.names(query.condition)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a b", All((Name("*a*"), Name("*b*")))),
        ("a OR b c", Any((Name("*a*"), All((Name("*b*"), Name("*c*")))))),
        ("name:a name:b", Any((Name("a"), Name("b")))),
        ("name:(a b)", Any((Name("a"), Name("b")))),
        ("NOT (a OR b)", Not(Any((Name("*a*"), Name("*b*"))))),
        ("-a +b", All((Not(Name("*a*")), Name("*b*")))),
        ('mediatype:"image/*" size<10', All((Media("image/*"), Size("lt", 10)))),
        ("mediatype:folder", IsFolder()),
        ("favorite:true", Starred()),
        ("mtime>=2027-01-15", Modified("gte", 1_799_971_200 * 10**9)),
        ("mtime:2027-01-15", All((Modified("gte", 1_799_971_200 * 10**9), Modified("lt", 1_800_057_600 * 10**9)))),
        ('mtime:"this week"', All((Modified("gte", 1_799_625_600 * 10**9), Modified("lt", 1_800_057_600 * 10**9)))),
        ("mtime:nonsense", Any(())),
        ("file:name.txt", Name("*file:name.txt*")),
    ],
)
def test_meanings(text, condition):
    assert kql.parse(text, NOW).condition == condition


def test_scopes_and_limits():
    query = kql.parse('a AND scope:"home$x!1"', NOW)
    assert (query.condition, query.scope) == (Name("*a*"), "home$x!1")
    assert kql.parse("scope:home$x!1", NOW).condition == conditions.EVERYTHING
    for text in ("x" * 1001, "(" * 11 + "x" + ")" * 11):
        with pytest.raises(InvalidRequest):
            kql.parse(text, NOW)
