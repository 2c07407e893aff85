from __future__ import annotations

from email.utils import formatdate
from time import gmtime, strftime

from hypothesis import given
from hypothesis import strategies as st

from clawgate.web import dates


@given(st.integers(0, 253402300799))
def test_round_trip(seconds: int) -> None:
    text = dates.render(seconds).decode()
    assert dates.parse(text) == seconds
    assert text == formatdate(seconds, usegmt=True)
    assert dates.parse(strftime("%a %b %e %H:%M:%S %Y", gmtime(seconds))) == seconds


@given(st.integers(0, 4102444800))
def test_two_digit_years_lie_within_fifty_years_ahead(seconds: int) -> None:
    parsed = dates.parse(strftime("%A, %d-%b-%y %H:%M:%S GMT", gmtime(seconds)))
    this_year = gmtime().tm_year
    if parsed is None:  # 29 February exists in one century only
        assert gmtime(seconds).tm_mon == 2
        return
    assert this_year - 50 <= gmtime(parsed).tm_year <= this_year + 50


@given(st.text(max_size=40))
def test_garbage(text: str) -> None:
    dates.parse(text)


def test_refused() -> None:
    for text in (
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "1994-11-06T08:49:37Z",
        "0",
    ):
        assert dates.parse(text) is None
    for text in ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"):
        assert dates.parse(text) == 784111777
    assert dates.render(-(10**20)) == b"Mon, 01 Jan 0001 00:00:00 GMT"
