"""Searches whose results count only if they are complete."""

from __future__ import annotations

from .answers import (
    ADMINISTRATIVE_LIMIT,
    BUSY,
    NO_SUCH_OBJECT,
    SIZE_LIMIT,
    SUCCESS,
    TIME_LIMIT,
    UNAVAILABLE,
    Entry,
    Link,
    Query,
)
from .errors import Refused, ServerFailed


def entries(link: Link, query: Query, *, partly: bool = False) -> tuple[Entry, ...]:
    """What `query` finds, up to its limit. With `partly` it may also be what the server found before it met limits of its own.

    Raises `ServerFailed` if another server should be asked, `Refused` if this says nothing about what is there.
    """
    found = link.search(query)
    code = found.answer.code
    if code == SUCCESS or (code == SIZE_LIMIT and len(found.entries) >= query.limit):
        return found.entries[: query.limit]
    if partly and code in (SIZE_LIMIT, TIME_LIMIT, ADMINISTRATIVE_LIMIT):
        return found.entries[: query.limit]
    if code == NO_SUCH_OBJECT and query.scope == "base":
        return ()
    if code in (BUSY, UNAVAILABLE):
        raise ServerFailed(f"is {found.answer}")
    raise Refused(f"a search in {query.base!r} is answered with {found.answer}")


def entry(link: Link, dn: str, filter: str, attributes: tuple[str, ...]) -> Entry | None:
    """What is under the name `dn`, if it is there and `filter` fits it. Raises as `entries`."""
    found = entries(link, Query(dn, "base", filter, attributes))
    return found[0] if found else None
