"""What the OData options of a query ask for (``$filter``, ``$orderby``, ``$search``, ``$expand``), as far as clients use them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import InvalidRequest

Test = Callable[[Mapping[str, Any]], bool]

LONGEST = 1000
"""Characters of an option."""
MOST_TOKENS = 100
"""Names, values and brackets in a condition, which is read recursively."""
_TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|([A-Za-z@._/]+)|([()]))")
_FILTERED = ("driveType", "id", "name", "driveAlias")
_ORDERED = ("name", "lastModifiedDateTime", "displayName", "mail", "onPremisesSamAccountName")


def filtering(text: str) -> Test:
    """The condition of a ``$filter``: ``NAME eq 'value'`` and ``ne``, joined by ``and``, ``or``, ``not`` and brackets; a blank
    one holds for everything. Raises `InvalidRequest`."""
    tokens = _tokens(text)
    if not tokens:
        return lambda one: True
    test, rest = _either(tokens)
    if rest:
        raise _bad(text)
    return test


def ordered(items: Sequence[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Sorted as an ``$orderby`` says; as they come if it is blank. Raises `InvalidRequest`."""
    found = list(items)
    for clause in reversed([one.split() for one in text.split(",") if one.strip()]):
        if clause[0] not in _ORDERED or clause[1:] not in ([], ["asc"], ["desc"]):
            raise InvalidRequest("$orderby takes " + ", ".join(_ORDERED) + ", each with asc or desc")
        key = clause[0]
        found.sort(key=lambda one: str(one.get(key, "")).casefold(), reverse=clause[1:] == ["desc"])
    return found


def searched(text: str) -> str:
    """What a ``$search`` looks for, which clients put into double quotes."""
    text = text.strip()
    return text[1:-1].replace('\\"', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text


def number(text: str, default: int) -> int:
    """The number of a ``$top``. Raises `InvalidRequest`."""
    if not text:
        return default
    if not text.isdecimal() or not 0 < len(text) < 10 or int(text) < 1:
        raise InvalidRequest("$top takes a number from 1 on")
    return int(text)


def expanded(text: str) -> frozenset[str]:
    """The names in an ``$expand``."""
    return frozenset(name.partition("(")[0].strip() for name in text.split(",") if name.strip())


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kind (``text``, ``word``, ``mark``) and value of each token."""
    if len(text) > LONGEST:
        raise _bad(text[:20] + "…")
    found: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise _bad(text)
        value, word, mark = match.groups()
        found.append(("text", value.replace("''", "'")) if value is not None else ("word", word) if word else ("mark", mark))
        at = match.end()
        if len(found) > MOST_TOKENS:
            raise _bad(text[:20] + "…")
    return found


_Rest = list[tuple[str, str]]


def _either(tokens: _Rest) -> tuple[Test, _Rest]:
    left, rest = _both(tokens)
    while rest[:1] == [("word", "or")]:
        right, rest = _both(rest[1:])
        left = _or(left, right)
    return left, rest


def _both(tokens: _Rest) -> tuple[Test, _Rest]:
    left, rest = _single(tokens)
    while rest[:1] == [("word", "and")]:
        right, rest = _single(rest[1:])
        left = _and(left, right)
    return left, rest


def _single(tokens: _Rest) -> tuple[Test, _Rest]:
    if tokens[:1] == [("word", "not")]:
        inner, rest = _single(tokens[1:])
        return _not(inner), rest
    if tokens[:1] == [("mark", "(")]:
        inner, rest = _either(tokens[1:])
        if rest[:1] != [("mark", ")")]:
            raise _bad("a bracket that is not closed")
        return inner, rest[1:]
    if len(tokens) >= 3:
        (kind, name), (middle, operator), (last, value) = tokens[:3]
        if (kind, middle, last) == ("word", "word", "text") and name in _FILTERED and operator in ("eq", "ne"):
            return _compare(name, value, operator == "eq"), tokens[3:]
    raise _bad(" ".join(value for _, value in tokens))


def _compare(name: str, value: str, equal: bool) -> Test:
    return lambda one: (one.get(name, "") == value) is equal


def _or(left: Test, right: Test) -> Test:
    return lambda one: left(one) or right(one)


def _and(left: Test, right: Test) -> Test:
    return lambda one: left(one) and right(one)


def _not(inner: Test) -> Test:
    return lambda one: not inner(one)


def _bad(what: str) -> InvalidRequest:
    return InvalidRequest(f"$filter takes {', '.join(_FILTERED)} with eq, ne, and, or, not, and not: {what}")
