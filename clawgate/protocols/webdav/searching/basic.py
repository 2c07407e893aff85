"""``DAV:basicsearch`` (RFC 5323), as Nextcloud's clients send it and its library SearchDAV understands it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

import attrs

from ....errors import InvalidRequest, NotSupported
from ....interfaces import Found
from .. import xml
from ..elements import DAV, OC, Name
from ..requests import Mode, PropertySet, is_true, property_names, property_set_of
from .conditions import (
    COMPARISONS,
    EVERYTHING,
    Condition,
    Identified,
    IsFolder,
    Media,
    Modified,
    Not,
    Owned,
    Size,
    Starred,
    both,
    either,
    fold,
    media_type,
)
from .conditions import Name as Named
from .kql import date

SEARCHDAV = "https://github.com/icewind1991/SearchDAV/ns"
MOST_TERMS = 200
"""Conditions in one search."""

_NAMES = ((DAV, "displayname"), (OC, "name"))
_SIZES = ((DAV, "getcontentlength"), (OC, "size"))
_IDS = ((OC, "fileid"), (OC, "id"))
_TYPE, _MODIFIED, _STAR, _OWNER = (DAV, "getcontenttype"), (DAV, "getlastmodified"), (OC, "favorite"), (OC, "owner-id")


class Reach(Enum):
    """How far below its folder a scope goes."""

    ITSELF = "0"
    CHILDREN = "1"
    ALL = "infinity"


@attrs.frozen
class Scope:
    """Where to look."""

    href: str
    reach: Reach


Key = Callable[[Found], object]


@attrs.frozen
class Order:
    """By what results are sorted."""

    key: Key
    descending: bool


@attrs.frozen
class BasicSearch:
    """The body of SEARCH."""

    wanted: PropertySet
    scopes: tuple[Scope, ...]
    condition: Condition
    orders: tuple[Order, ...]
    limit: int | None
    offset: int


def parse(body: bytes, *, depth: int) -> BasicSearch:
    """The meaning of a SEARCH body. Raises `InvalidRequest`, and `NotSupported` for other languages than basicsearch."""
    root = xml.parse(body, depth=depth)
    if xml.name_of(root) != (DAV, "searchrequest"):
        raise InvalidRequest("the body must be a DAV: searchrequest element")
    search = xml.child(root, (DAV, "basicsearch"))
    if search is None:
        raise NotSupported("only DAV:basicsearch is understood")
    select, source = xml.child(search, (DAV, "select")), xml.child(search, (DAV, "from"))
    if select is None or source is None:
        raise InvalidRequest("the basicsearch element must hold select and from")
    asked, where = xml.child(select, (DAV, "prop")), xml.child(search, (DAV, "where"))
    terms = [] if where is None else xml.children(where)
    if len(terms) > 1 or (where is not None and sum(1 for _ in where.iter()) > 4 * MOST_TERMS):
        raise InvalidRequest(f"the where element must hold one condition, of at most {MOST_TERMS} parts")
    limit = xml.child(search, (DAV, "limit"))
    return BasicSearch(
        wanted=property_set_of(Mode.ALL if asked is None else Mode.SOME, () if asked is None else property_names(asked), body),
        scopes=_scopes(source),
        condition=_condition(terms[0]) if terms else EVERYTHING,
        orders=_orders(xml.child(search, (DAV, "orderby"))),
        limit=_number(limit, (DAV, "nresults")),
        offset=_number(limit, (SEARCHDAV, "firstresult")) or 0,
    )


def _scopes(source: xml.Element) -> tuple[Scope, ...]:
    found = []
    for scope in xml.children(source):
        href, depth = xml.child(scope, (DAV, "href")), xml.child(scope, (DAV, "depth"))
        reach = "infinity" if depth is None else xml.text_of(depth).lower()
        if xml.name_of(scope) != (DAV, "scope") or href is None or reach not in ("0", "1", "infinity"):
            raise InvalidRequest("a scope must hold an href, and a depth of 0, 1 or infinity")
        found.append(Scope(xml.text_of(href), Reach(reach)))
    if not found:
        raise InvalidRequest("the from element must hold a scope")
    return tuple(found)


def _condition(term: xml.Element) -> Condition:
    space, how = xml.name_of(term)
    if space != DAV:
        raise InvalidRequest(f"{how} is not known as a condition")
    inside = xml.children(term)
    if how in ("and", "or"):
        parts = [_condition(one) for one in inside]
        return both(parts) if how == "and" else either(parts)
    if how == "not" and len(inside) == 1:
        return Not(_condition(inside[0]))
    if how == "is-collection":
        return IsFolder()
    if how == "like" or how in COMPARISONS:
        holder, literal = xml.child(term, (DAV, "prop")), xml.child(term, (DAV, "literal"))
        properties = [] if holder is None else xml.children(holder)
        if literal is None or len(properties) != 1:
            raise InvalidRequest(f"{how} must hold a prop with one property, and a literal")
        return _compared(how, xml.name_of(properties[0]), literal.text or "")
    raise InvalidRequest(f"{how} is not known as a condition")


def _compared(how: str, name: Name, literal: str) -> Condition:
    if name in _NAMES and how in ("like", "eq"):
        return Named(_pattern(how, literal))
    if name == _TYPE and how in ("like", "eq"):
        return Media(_pattern(how, literal))
    if name in _SIZES and how in COMPARISONS:
        return Size(how, _integer(literal))
    if name == _MODIFIED and how in COMPARISONS:
        moment = date(literal)
        if moment is None:
            raise InvalidRequest(f"{literal!r} is no time")
        return Modified(how, moment)
    if name == _STAR and how == "eq":
        return Starred() if is_true(literal) else Not(Starred())
    if name == _OWNER and how == "eq":
        return Owned(literal.strip())
    if name in _IDS and how == "eq":
        return Identified(literal.strip())
    raise InvalidRequest(f"{how} cannot be asked of {name[1]} here")


def _pattern(how: str, literal: str) -> str:
    """The pattern of `conditions` for one of LIKE; in that, as in ours, nothing makes a wildcard an ordinary character."""
    return literal.replace("%", "*").replace("_", "?") if how == "like" else literal


def _orders(holder: xml.Element | None) -> tuple[Order, ...]:
    found = []
    for order in xml.children(holder) if holder is not None else ():
        by = xml.child(order, (DAV, "prop"))
        properties = [] if by is None else xml.children(by)
        key = _KEYS.get(xml.name_of(properties[0])) if len(properties) == 1 else None
        if key is None:
            raise InvalidRequest("results cannot be ordered by that")
        found.append(Order(key, xml.child(order, (DAV, "descending")) is not None))
    if len(found) > len(_KEYS):
        raise InvalidRequest("results are to be ordered by too much")
    return tuple(found)


_KEYS: dict[Name, Key] = {
    **dict.fromkeys(_NAMES, lambda found: fold(found.name)),
    **dict.fromkeys(_SIZES, lambda found: found.size),
    **dict.fromkeys(_IDS, lambda found: found.id),
    _TYPE: media_type,
    _MODIFIED: lambda found: found.mtime_ns,
}


def _number(holder: xml.Element | None, name: Name) -> int | None:
    element = None if holder is None else xml.child(holder, name)
    return None if element is None else _integer(xml.text_of(element))


def _integer(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidRequest(f"{text!r} is no number")
    return int(text)
