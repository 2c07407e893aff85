"""Conditional requests (RFC 9110 section 13): whether a request goes on, decided from headers and the present version."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache

from . import dates

Header = Callable[[str], str | None]

_TAG = re.compile(
    r'[ \t]*(?:(?P<weak>W/)?"(?P<quoted>[\x21\x23-\x7e\x80-\xff]*)"|(?P<bare>[^\s",]+))[ \t]*(?:,|\Z)|[ \t]*(?:,|\Z)'
)


class Outcome(Enum):
    """What the conditions of a request say."""

    PROCEED = "proceed"
    NOT_MODIFIED = "not modified"
    """Answer 304 with the headers that a 200 would have."""
    FAILED = "failed"
    """Answer 412 and change nothing."""


_CACHED = 256
"""Longer headers are parsed each time, so that nobody can fill the memory with them."""


def tags(value: str) -> tuple[tuple[str, bool], ...] | None:
    """The entity tags of an If-Match or If-None-Match as ``(opaque, weak)``; None for ``*``.

    Tags without quotes, which some clients send, count as strong ones. What follows something unreadable is left out.
    """
    return _tags(value) if len(value) <= _CACHED else _tags.__wrapped__(value)


@lru_cache(1024)
def _tags(value: str) -> tuple[tuple[str, bool], ...] | None:
    if value.strip(" \t") == "*":
        return None
    found = []
    at = 0
    while at < len(value) and (match := _TAG.match(value, at)):
        if match["quoted"] is not None:
            found.append((match["quoted"], match["weak"] is not None))
        elif match["bare"] is not None:
            found.append((match["bare"], False))
        at = match.end()
    return tuple(found)


def _split(etag: str | None) -> tuple[str | None, bool]:
    if etag is not None and etag.startswith('W/"'):
        return etag[3:-1], True
    return etag, False


def evaluate(header: Header, verb: str, etag: str | None, mtime: int | None, exists: bool) -> Outcome:
    """Judge the request's conditions in the order of RFC 9110 section 13.2.2.

    `etag` is the present version's tag without quotes (``W/"..."`` if it is weak), `mtime` its time in seconds since 1970; both
    None where there is none. If-Match compares strongly, If-None-Match weakly. Dates that cannot be understood are ignored.
    """
    opaque, weak = _split(etag)
    reading = verb in ("GET", "HEAD")
    value = header("if-match")
    if value is not None:
        wanted = tags(value)
        if not (exists if wanted is None else exists and not weak and opaque is not None and (opaque, False) in wanted):
            return Outcome.FAILED
    else:
        value = header("if-unmodified-since")
        if value is not None and mtime is not None and exists:
            limit = dates.parse(value)
            if limit is not None and mtime > limit:
                return Outcome.FAILED
    value = header("if-none-match")
    if value is not None:
        wanted = tags(value)
        if exists if wanted is None else exists and any(tag == opaque for tag, _ in wanted):
            return Outcome.NOT_MODIFIED if reading else Outcome.FAILED
    elif reading:
        value = header("if-modified-since")
        if value is not None and mtime is not None and exists:
            limit = dates.parse(value)
            if limit is not None and mtime <= limit:
                return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def if_range_holds(header: Header, etag: str | None, mtime: int | None, now: float | None = None) -> bool:
    """Whether a Range may be honoured (RFC 9110 section 13.1.5): no If-Range, or one that names exactly this version.

    A tag is compared strongly. A date must equal `mtime`, which then must be a strong validator: at least 60 seconds before
    `now` (when the answer is made; None: not checked), because within that time two versions could share it.
    """
    value = header("if-range")
    if value is None:
        return True
    value = value.strip(" \t")
    if value.startswith('"'):
        opaque, weak = _split(etag)
        return not weak and opaque is not None and value == f'"{opaque}"'
    if value.startswith("W/"):
        return False
    when = dates.parse(value)
    return when is not None and mtime is not None and when == mtime and (now is None or mtime <= now - 60)
