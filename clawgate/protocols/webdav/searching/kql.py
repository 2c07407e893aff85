"""What people type and ownCloud Web composes: a part of the Keyword Query Language, as oCIS understands it.

``(name:"*report*" OR content:"report") AND mediatype:("document" OR "pdf") AND mtime:"last 7 days" AND scope:ID``. Plain words,
which is all that ownCloud 10's clients send, look for names that contain them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs

from ....errors import InvalidRequest
from ..dates import parse as parse_date
from .conditions import (
    EVERYTHING,
    NOTHING,
    All,
    Condition,
    Identified,
    IsFolder,
    Media,
    Modified,
    Name,
    Not,
    Size,
    Starred,
    Tagged,
    both,
    either,
)

LONGEST = 1000
"""Characters of a query."""
DEEPEST = 10
"""Parentheses within each other."""
KINDS: dict[str, Condition] = {
    "file": Not(IsFolder()),
    "folder": IsFolder(),
    "document": either(
        [
            Media(kind)
            for kind in (
                "application/msword",
                "application/vnd.openxmlformats-officedocument.wordprocessingml*",
                "application/vnd.oasis.opendocument.text",
                "text/plain",
                "text/markdown",
                "application/rtf",
                "application/vnd.apple.pages",
            )
        ]
    ),
    "spreadsheet": either(
        [
            Media(kind)
            for kind in (
                "application/vnd.ms-excel",
                "application/vnd.oasis.opendocument.spreadsheet",
                "text/csv",
                "application/vnd.openxmlformats-officedocument.spreadsheetml*",
                "application/vnd.apple.numbers",
            )
        ]
    ),
    "presentation": either(
        [
            Media(kind)
            for kind in (
                "application/vnd.ms-powerpoint",
                "application/vnd.openxmlformats-officedocument.presentationml*",
                "application/vnd.oasis.opendocument.presentation",
                "application/vnd.apple.keynote",
            )
        ]
    ),
    "pdf": Media("application/pdf"),
    "image": Media("image/*"),
    "video": Media("video/*"),
    "audio": Media("audio/*"),
    "archive": either(
        [
            Media(kind)
            for kind in (
                "application/zip",
                "application/gzip",
                "application/x-gzip",
                "application/x-7z-compressed",
                "application/x-rar-compressed",
                "application/x-tar",
                "application/x-bzip2",
                "application/x-xz",
            )
        ]
    ),
}
"""What ``mediatype`` may say besides content types."""
TIMES = ("today", "yesterday", "last 7 days", "last 30 days", "this week", "this month", "this year", "last year")
"""What ``mtime`` may say besides dates."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<word>AND|OR|NOT)(?=[\s()]|$)|(?P<sign>[+-])(?=[\w("])
    |(?:(?P<key>[A-Za-z]+)(?P<how>:|<=|>=|=|<|>))?(?:"(?P<quoted>[^"]*)"|(?P<group>(?<=[:=])\()|(?P<plain>[^\s()"]+)))""",
    re.VERBOSE,
)
_HOW = {":": "eq", "=": "eq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


@attrs.frozen
class Query:
    """A query and where it looks."""

    condition: Condition
    scope: str = ""
    """The full id of the folder or the id of the space to look in; empty: where the request says."""


def parse(text: str, now: float) -> Query:
    """The meaning of `text`, at the second `now` since 1970. Raises `InvalidRequest` for what is too long or too deep."""
    if len(text) > LONGEST:
        raise InvalidRequest(f"a search may have at most {LONGEST} characters")
    if not text.strip():
        return Query(NOTHING)
    try:
        return _Parser(text, now).query()
    except _NotKql:
        return Query(Name(f"*{text.strip()}*"))


class _NotKql(Exception):
    """It is just some text."""


class _Parser:
    def __init__(self, text: str, now: float) -> None:
        self.text = text
        self.at = 0
        self.now = now
        self.depth = 0
        self.scope = ""

    def query(self) -> Query:
        condition = self.sequence("")
        if self.at < len(self.text.rstrip()):
            raise _NotKql
        return Query(condition, self.scope)

    def next(self) -> re.Match[str] | None:
        if not self.text[self.at :].strip():
            return None
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise _NotKql
        return found

    def sequence(self, key: str) -> Condition:
        """Terms up to the closing parenthesis or the end; `key` stands before the parenthesis and counts for plain terms.

        AND binds closer than OR. Without either word, terms about the same key are alternatives, others belong together.
        """
        self.depth += 1
        if self.depth > DEEPEST:
            raise InvalidRequest(f"a search may have at most {DEEPEST} parentheses within each other")
        alternatives: list[list[tuple[str, Condition]]] = [[]]
        word, negated = "", False
        while (token := self.next()) is not None and not token["close"]:
            self.at = token.end()
            if token["word"] == "NOT" or token["sign"] == "-":
                negated = not negated
                continue
            if token["word"]:
                word = token["word"]
                continue
            if token["sign"]:
                continue
            about, condition = self.term(token, key)
            if condition is None:
                word = ""
                continue
            if negated:
                condition = Not(condition)
            group = alternatives[-1]
            if word == "OR" and group:
                alternatives.append([(about, condition)])
            elif not word and not negated and group and group[-1][0] == about != "":
                group[-1] = (about, either([group[-1][1], condition]))
            else:
                group.append((about, condition))
            word, negated = "", False
        self.depth -= 1
        found = [both([condition for _, condition in group]) for group in alternatives if group]
        return either(found) if found else EVERYTHING

    def term(self, token: re.Match[str], key: str) -> tuple[str, Condition | None]:
        """What a term is about, and what it wants; None: it says where to look."""
        key = (token["key"] or key).lower()
        if token["open"] or token["group"]:
            condition = self.sequence(key)
            if (closing := self.next()) is None or not closing["close"]:
                raise _NotKql
            self.at = closing.end()
            return "", condition
        quoted = token["quoted"]
        value = token["plain"] if quoted is None else quoted
        if key == "scope":
            self.scope = value
            return "", None
        make = _KEYS.get(key)
        if make is None and token["key"]:
            # Not what it looked like: a name with a colon in it.
            return "", Name(f"*{token[0].strip()}*")
        return key, (make or _contains)(value, _HOW[token["how"] or ":"], self.now)


def _contains(value: str, how: str, now: float) -> Condition:
    return Name(value if "*" in value else f"*{value}*")


def _name(value: str, how: str, now: float) -> Condition:
    return Name(value)


def _kind(value: str, how: str, now: float) -> Condition:
    return KINDS.get(value.lower()) or Media(value)


def _type(value: str, how: str, now: float) -> Condition:
    # As CS3 numbers them.
    return {"1": KINDS["file"], "2": KINDS["folder"], "file": KINDS["file"], "folder": KINDS["folder"]}.get(
        value.lower(), NOTHING
    )


def _size(value: str, how: str, now: float) -> Condition:
    return Size(how, int(value)) if value.isascii() and value.isdigit() and len(value) < 19 else NOTHING


def _starred(value: str, how: str, now: float) -> Condition:
    return Starred() if value.lower() in ("1", "true", "yes") else Not(Starred())


def _id(value: str, how: str, now: float) -> Condition:
    return Identified(value)


def _tagged(value: str, how: str, now: float) -> Condition:
    return Tagged(value)


def _never(value: str, how: str, now: float) -> Condition:
    return NOTHING


def _modified(value: str, how: str, now: float) -> Condition:
    if (span := _span(value.lower(), now)) is not None:
        return All((Modified("gte", _ns(span[0])), Modified("lt", _ns(span[1]))))
    moment = date(value)
    if moment is None:
        return NOTHING
    if how == "eq" and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return All((Modified("gte", moment), Modified("lt", moment + 86400 * 1_000_000_000)))
    return Modified(how, moment)


def date(text: str) -> int | None:
    """Nanoseconds since 1970 of an ISO 8601 date or time (without zone: UTC), Unix seconds or an RFC 1123 date."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        return parse_date(text)
    return _ns(when if when.tzinfo is not None else when.replace(tzinfo=UTC))


def _ns(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000_000


def _span(words: str, now: float) -> tuple[datetime, datetime] | None:
    """Begin and end of a time that has a name; days begin at midnight UTC."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow, year = today + timedelta(days=1), today.replace(month=1, day=1)
    spans = {
        "today": (today, tomorrow),
        "yesterday": (today - timedelta(days=1), today),
        "last 7 days": (today - timedelta(days=6), tomorrow),
        "last 30 days": (today - timedelta(days=29), tomorrow),
        "this week": (today - timedelta(days=today.weekday()), tomorrow),
        "this month": (today.replace(day=1), tomorrow),
        "this year": (year, tomorrow),
        "last year": (year.replace(year=year.year - 1), year),
    }
    return spans.get(words)


_KEYS: dict[str, Callable[[str, str, float], Condition]] = {
    "name": _name,
    "title": _name,
    "filename": _name,
    "mediatype": _kind,
    "mimetype": _kind,
    "type": _type,
    "size": _size,
    "mtime": _modified,
    "favorite": _starred,
    "id": _id,
    # What is in files is not looked at.
    "content": _never,
    "tag": _tagged,
    "tags": _tagged,
}
