from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawgate.protocols.webdav.dates import http_date, parse


@given(st.integers(1, 253402300799))
def test_as_everybody_writes_them(second):
    assert http_date(second) == formatdate(second, usegmt=True)
    assert http_date(second) == formatdate(second, usegmt=True)


def test_out_of_range():
    assert http_date(0) == http_date(-5) == "Thu, 01 Jan 1970 00:00:01 GMT"
    assert http_date(10**15) == "Fri, 31 Dec 9999 23:59:59 GMT"


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1577836800", 1577836800_000000000),
        (" 1577836800.5 ", 1577836800_500000000),
        ("1577836800.1234567899", 1577836800_123456789),
        ("1577836800.", 1577836800_000000000),
        ("0", 0),
        ("Sat, 21 Nov 2026 03:28:16 GMT", 1795231696_000000000),
        ("", None),
        ("-5", None),
        ("1e9", None),
        ("12345678901234", None),
        ("1.x", None),
        ("yesterday", None),
        ("Mon, 01 Jan 1900 00:00:00 GMT", None),
        ("١٢٣", None),
    ],
)
def test_read(text, nanoseconds):
    assert parse(text) == nanoseconds
