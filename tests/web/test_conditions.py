from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clawgate.web import conditions, dates
from clawgate.web.conditions import Outcome

GO, SAME, NO = Outcome.PROCEED, Outcome.NOT_MODIFIED, Outcome.FAILED
T = 1_700_000_000
BEFORE, AT, AFTER = (dates.render(T + delta).decode() for delta in (-1, 0, 1))


def judge(verb: str = "GET", etag: str | None = "a", mtime: int | None = T, exists: bool = True, **headers: str) -> Outcome:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return conditions.evaluate(fields.get, verb, etag, mtime, exists)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ('"a"', GO),
        ('"b"', NO),
        ('"b", "a"', GO),
        ('"b","a"', GO),
        (' , "a" ,', GO),
        ('W/"a"', NO),
        ("*", GO),
        ("", NO),
        ("a", GO),
        ('"a', NO),
        ('"a,b"', NO),
        ('w/"a"', NO),
    ],
)
def test_if_match(value: str, outcome: Outcome) -> None:
    assert judge(if_match=value) is outcome
    assert judge("PUT", if_match=value) is outcome
    assert judge("PUT", etag=None, mtime=None, exists=False, if_match=value) is NO
    assert judge(etag='W/"a"', if_match=value) is (GO if value == "*" else NO)


@pytest.mark.parametrize(
    ("value", "matches"),
    [('"a"', True), ('W/"a"', True), ('"b"', False), ('"b", W/"a"', True), ("*", True), ("", False), ("a", True)],
)
def test_if_none_match(value: str, matches: bool) -> None:
    assert judge(if_none_match=value) is (SAME if matches else GO)
    assert judge("HEAD", if_none_match=value) is (SAME if matches else GO)
    assert judge("PUT", if_none_match=value) is (NO if matches else GO)
    assert judge(etag='W/"a"', if_none_match=value) is (SAME if matches else GO)
    assert judge("PUT", etag=None, mtime=None, exists=False, if_none_match=value) is GO


def test_dates() -> None:
    assert [judge(if_modified_since=when) for when in (BEFORE, AT, AFTER)] == [GO, SAME, SAME]
    assert [judge("PUT", if_modified_since=when) for when in (BEFORE, AT, AFTER)] == [GO, GO, GO]
    assert [judge(if_unmodified_since=when) for when in (BEFORE, AT, AFTER)] == [NO, GO, GO]
    assert [judge("DELETE", if_unmodified_since=when) for when in (BEFORE, AT, AFTER)] == [NO, GO, GO]
    assert judge(if_modified_since="yesterday") is GO
    assert judge(if_unmodified_since="yesterday") is GO
    assert judge(if_unmodified_since=BEFORE, mtime=None) is GO
    assert judge(if_unmodified_since=BEFORE, exists=False, mtime=None, etag=None) is GO
    assert judge(if_modified_since=AFTER, exists=False, mtime=None, etag=None) is GO


def test_precedence() -> None:
    assert judge(if_match='"a"', if_unmodified_since=BEFORE) is GO
    assert judge(if_none_match='"b"', if_modified_since=AFTER) is GO
    assert judge(if_none_match='"a"', if_modified_since=BEFORE) is SAME
    assert judge(if_match='"b"', if_none_match='"a"') is NO
    assert judge(if_match='"a"', if_none_match='"a"') is SAME
    assert judge(if_unmodified_since=BEFORE, if_none_match='"a"') is NO
    assert judge() is GO


@given(st.text(max_size=40), st.text(max_size=40), st.booleans())
@example("x\n", '"a"\n', True)
def test_garbage(one: str, two: str, exists: bool) -> None:
    judge(if_match=one, if_none_match=two, exists=exists)
    judge(if_unmodified_since=one, if_modified_since=two, exists=exists)
    conditions.if_range_holds({"if-range": one}.get, "a", T)


def test_if_range() -> None:
    def holds(value: str | None, etag: str | None = "a", mtime: int | None = T, now: float | None = None) -> bool:
        return conditions.if_range_holds({"if-range": value}.get, etag, mtime, now)  # type: ignore[arg-type]

    assert holds(None)
    assert holds('"a"')
    assert not holds('"b"')
    assert not holds('W/"a"')
    assert not holds('"a"', etag='W/"a"')
    assert not holds('"a"', etag=None)
    assert [holds(when) for when in (BEFORE, AT, AFTER, "soon")] == [False, True, False, False]
    assert not holds(AT, mtime=None)
    assert not holds(AT, now=T + 30)
    assert holds(AT, now=T + 60)
