from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.errors import InvalidRequest
from clawgate.protocols.webdav.if_header import Condition, Conditions, IfHeader, parse

T1, T2 = "opaquelocktoken:1", "urn:uuid:2"


def token(value, negated=False):
    return Condition(negated, value, False)


def etag(value, negated=False):
    return Condition(negated, value, True)


@pytest.mark.parametrize(
    ("value", "lists"),
    [
        (f"(<{T1}>)", [Conditions(None, (token(T1),))]),
        (f'(<{T1}> ["e"])', [Conditions(None, (token(T1), etag('"e"')))]),
        (
            f'  ( <{T1}>\t[W/"e"] )  (Not <{T2}>)',
            [Conditions(None, (token(T1), etag('W/"e"'))), Conditions(None, (token(T2, True),))],
        ),
        ("(not <DAV:no-lock>)", [Conditions(None, (token("DAV:no-lock", True),))]),
        ('(["a b"])', [Conditions(None, (etag('"a b"'),))]),
        ('</x> (["e"])', [Conditions("/x", (etag('"e"'),))]),
        (
            f'<http://h/x> (<{T1}>) (<{T2}>) </y> (Not["e"])',
            [
                Conditions("http://h/x", (token(T1),)),
                Conditions("http://h/x", (token(T2),)),
                Conditions("/y", (etag('"e"', True),)),
            ],
        ),
    ],
)
def test_parsed(value, lists):
    assert parse(value) == IfHeader(tuple(lists))


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "()",
        "(",
        "(<a>",
        "<a>",
        "<a> <b> (<c>)",
        "(<c>) <a> (<c>)",
        "x",
        "(x)",
        "([e])",
        "(<>)",
        "(Not)",
        "(Nota <b>)",
        "<a b> (<c>)",
        "(<a>) x",
    ],
)
def test_refused(value):
    with pytest.raises(InvalidRequest):
        parse(value)


def test_tokens_are_submitted_wherever_they_stand():
    assert parse(f"</a> (<{T1}>) (Not <{T2}>)").tokens == {T1, T2}


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (f"(<{T1}>)", True),
        (f"(<{T2}>)", False),
        (f"(Not <{T2}>)", True),
        (f'(<{T1}> ["now"])', True),
        (f'(<{T1}> ["old"])', False),
        (f'(<{T1}> ["old"]) (Not <DAV:no-lock>)', True),
        (f'(<{T1}> ["old"]) (Not <DAV:no-lock> ["old"])', False),
        ('([W/"now"])', False),
        ('(Not ["old"])', True),
        ("</none> (<DAV:no-lock>)", False),
        ('</none> (Not ["x"])', True),
        ('</none> (["now"]) </here> (["now"])', True),
    ],
)
def test_judged(value, holds):
    states = {None: ("now", [T1]), "/here": ("now", [T1]), "/none": (None, [])}
    assert parse(value).holds(states.__getitem__) is holds


@given(st.text(st.sampled_from('()<>[]"Not W/ab:\t '), max_size=40))
def test_anything_is_parsed_or_refused(value):
    try:
        found = parse(value)
    except InvalidRequest:
        return
    assert found.lists
    assert all(group.conditions for group in found.lists)


_urls = st.text(st.sampled_from("ab:/-$"), min_size=1, max_size=8)
_conditions = st.lists(st.builds(Condition, st.booleans(), _urls, st.just(False)), min_size=1, max_size=4)


@given(st.lists(st.tuples(_urls, _conditions), min_size=1, max_size=4))
def test_what_is_written_is_read(groups):
    value = " ".join(
        f"<{url}> (" + " ".join(("Not " if c.negated else "") + f"<{c.value}>" for c in conditions) + ")"
        for url, conditions in groups
    )
    assert parse(value) == IfHeader(tuple(Conditions(url, tuple(conditions)) for url, conditions in groups))
