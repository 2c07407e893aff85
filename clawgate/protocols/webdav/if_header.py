"""The If header (RFC 4918 10.4): parsed and judged without looking at anything but its arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

import attrs

from ...errors import InvalidRequest


@attrs.frozen
class Condition:
    """One state token or entity tag, possibly negated."""

    negated: bool
    value: str
    """The token without angle brackets, or the entity tag with its quotes (and ``W/``)."""
    is_etag: bool


@attrs.frozen
class Conditions:
    """One list: all of it must hold for `resource`."""

    resource: str | None
    """The URL of the tag in front of the list; None: the request's own."""
    conditions: tuple[Condition, ...]


@attrs.frozen
class IfHeader:
    """The whole header: one list that holds is enough."""

    lists: tuple[Conditions, ...]

    @property
    def tokens(self) -> frozenset[str]:
        """All state tokens: appearing anywhere in the header is what submits them (RFC 4918 10.4.1)."""
        return frozenset(c.value for group in self.lists for c in group.conditions if not c.is_etag)

    @property
    def resources(self) -> frozenset[str | None]:
        """The resources that are spoken of."""
        return frozenset(group.resource for group in self.lists)

    def holds(self, state: Callable[[str | None], tuple[str | None, Collection[str]]]) -> bool:
        """Whether the header is true. `state` tells of a resource its entity tag (without quotes; None: nothing is there) and
        the tokens of the locks that cover it."""
        return any(_holds(group, *state(group.resource)) for group in self.lists)


NO_CONDITIONS = IfHeader(())


def _holds(group: Conditions, etag: str | None, tokens: Collection[str]) -> bool:
    # Entity tags compare strongly (RFC 9110 8.8.3.2): a weak one never matches.
    present = None if etag is None else f'"{etag}"'
    for condition in group.conditions:
        found = condition.value == present if condition.is_etag else condition.value in tokens
        if found == condition.negated:
            return False
    return True


_BLANK = re.compile(r"[ \t]*")
_URL = re.compile(r"<([^<>\s]+)>")
_CONDITION = re.compile(r'(Not(?=[ \t<\[]))?[ \t]*(?:<([^<>\s]+)>|\[[ \t]*((?:W/)?"[^"]*")[ \t]*\])', re.IGNORECASE)


def parse(value: str) -> IfHeader:
    """Parse a header value. Raises `InvalidRequest`; lists with and without tags must not be mixed."""
    lists: list[Conditions] = []
    resource: str | None = None
    fresh_tag = False
    at = _skip(value, 0)
    while at < len(value):
        if value[at] == "<":
            if fresh_tag or (lists and resource is None):
                raise InvalidRequest("the If header has a tag where a list should be")
            found = _URL.match(value, at)
            if found is None:
                raise InvalidRequest("the If header has a broken tag")
            resource, fresh_tag = found[1], True
            at = _skip(value, found.end())
        elif value[at] == "(":
            conditions, at = _list(value, at + 1)
            lists.append(Conditions(resource, conditions))
            fresh_tag = False
        else:
            raise InvalidRequest("the If header cannot be understood")
    if not lists or fresh_tag:
        raise InvalidRequest("the If header has no list")
    return IfHeader(tuple(lists))


def _list(value: str, at: int) -> tuple[tuple[Condition, ...], int]:
    conditions: list[Condition] = []
    at = _skip(value, at)
    while at < len(value) and value[at] != ")":
        found = _CONDITION.match(value, at)
        if found is None:
            raise InvalidRequest("the If header has a condition that cannot be understood")
        negation, token, etag = found.groups()
        conditions.append(Condition(negation is not None, token or etag, token is None))
        at = _skip(value, found.end())
    if at >= len(value):
        raise InvalidRequest("the If header has a list without end")
    if not conditions:
        raise InvalidRequest("the If header has an empty list")
    return tuple(conditions), _skip(value, at + 1)


def _skip(value: str, at: int) -> int:
    found = _BLANK.match(value, at)
    return found.end() if found else at
