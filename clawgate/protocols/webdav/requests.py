"""XML request bodies as frozen values."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

import attrs

from ...errors import InvalidRequest, TooLarge
from . import xml
from .elements import DAV, OC, Name

LONGEST_KEPT = 4096
"""Bytes of the largest PROPFIND body that is remembered with its meaning: clients send the same few over and over."""
LONGEST_NAME = 1000
"""Characters of a property's namespace and local name together."""
MOST_PROPERTIES = 512
"""Names in one request: a listing repeats each for every entry."""


class Mode(Enum):
    """What a PROPFIND asks for."""

    SOME = "prop"
    ALL = "allprop"
    NAMES = "propname"


@attrs.frozen(eq=False)
class PropertySet:
    """The properties asked for. Common ones are made by `property_set`, so that equal sets are one object and hash at once."""

    mode: Mode
    names: tuple[Name, ...]
    """`Mode.SOME`: what is asked, in order, each once; `Mode.ALL`: what is asked besides (RFC 4918 ``include``)."""
    common: bool = True
    """Worth remembering what was made for it; False for unusually large sets."""


@lru_cache(maxsize=512)
def property_set(mode: Mode, names: tuple[Name, ...]) -> PropertySet:
    """The set of these `names`, which are different from each other."""
    return PropertySet(mode, names)


@attrs.frozen
class Change:
    """One property to set, or to remove (`xml` is None)."""

    name: Name
    xml: str | None
    """The whole element, standing alone."""
    text: str
    """Its text, for properties that are plain values."""


@attrs.frozen
class LockRequest:
    """The body of LOCK."""

    exclusive: bool
    owner_xml: str
    """The ``owner`` element with all it holds; empty if none was given."""


@attrs.frozen
class ReportRequest:
    """The body of REPORT."""

    kind: Name
    wanted: PropertySet
    rules: tuple[tuple[Name, str], ...]
    """``oc:filter-rules``: names and texts."""
    limit: int | None
    """Most entries to answer with (``oc:limit``); None: all."""
    offset: int = 0
    """Entries to leave out first (``oc:offset``)."""
    pattern: str = ""
    """``oc:pattern`` of a search."""


@attrs.frozen
class SyncRequest:
    """The body of the report ``DAV:sync-collection``."""

    token: str
    """Empty: the client knows nothing yet."""
    deep: bool
    wanted: PropertySet
    limit: int | None


def propfind(body: bytes, *, depth: int) -> PropertySet:
    """The meaning of a PROPFIND body; none at all asks for all properties. Raises `InvalidRequest`."""
    if len(body) > LONGEST_KEPT:
        return attrs.evolve(_propfind(body, depth), common=False)
    return _remembered(body, depth)


def _propfind(body: bytes, depth: int) -> PropertySet:
    make = property_set if len(body) <= LONGEST_KEPT else PropertySet
    if not body.strip():
        return make(Mode.ALL, ())
    root = xml.parse(body, depth=depth)
    if xml.name_of(root) != (DAV, "propfind"):
        raise InvalidRequest("the body must be a DAV: propfind element")
    if (asked := xml.child(root, (DAV, "prop"))) is not None:
        return make(Mode.SOME, property_names(asked))
    if xml.child(root, (DAV, "propname")) is not None:
        return make(Mode.NAMES, ())
    if xml.child(root, (DAV, "allprop")) is not None:
        included = xml.child(root, (DAV, "include"))
        return make(Mode.ALL, () if included is None else property_names(included))
    raise InvalidRequest("the propfind element must hold prop, allprop or propname")


_remembered = lru_cache(maxsize=512)(_propfind)


def property_names(holder: xml.Element) -> tuple[Name, ...]:
    """What a ``prop`` element asks for, each once. Raises `TooLarge`."""
    names = tuple(dict.fromkeys(map(_name, xml.children(holder))))
    if len(names) > MOST_PROPERTIES:
        raise TooLarge(f"at most {MOST_PROPERTIES} properties can be asked for at once")
    return names


def _name(property: xml.Element) -> Name:
    name = xml.name_of(property)
    if len(name[0]) + len(name[1]) > LONGEST_NAME:
        raise InvalidRequest(f"the name of a property may have at most {LONGEST_NAME} characters")
    return name


def proppatch(body: bytes, *, depth: int) -> tuple[Change, ...]:
    """The changes of a PROPPATCH in document order (RFC 4918 9.2). Raises `InvalidRequest`."""
    root = xml.parse(body, depth=depth)
    if xml.name_of(root) != (DAV, "propertyupdate"):
        raise InvalidRequest("the body must be a DAV: propertyupdate element")
    changes: list[Change] = []
    for instruction in xml.children(root):
        action = xml.name_of(instruction)
        if action not in ((DAV, "set"), (DAV, "remove")):
            continue
        asked = xml.child(instruction, (DAV, "prop"))
        if asked is None:
            raise InvalidRequest("set and remove must hold a prop element")
        for property in xml.children(asked):
            value = xml.serialize(property) if action[1] == "set" else None
            changes.append(Change(_name(property), value, xml.text_of(property)))
    if not changes:
        raise InvalidRequest("the propertyupdate element changes nothing")
    if len(changes) > MOST_PROPERTIES:
        raise TooLarge(f"at most {MOST_PROPERTIES} properties can be changed at once")
    return tuple(changes)


def lockinfo(body: bytes, *, depth: int) -> LockRequest:
    """The lock asked for. Raises `InvalidRequest` for anything but exclusive and shared write locks."""
    root = xml.parse(body, depth=depth)
    if xml.name_of(root) != (DAV, "lockinfo"):
        raise InvalidRequest("the body must be a DAV: lockinfo element")
    scope, kind = xml.child(root, (DAV, "lockscope")), xml.child(root, (DAV, "locktype"))
    if scope is None or kind is None or xml.child(kind, (DAV, "write")) is None:
        raise InvalidRequest("only write locks exist")
    exclusive = xml.child(scope, (DAV, "exclusive")) is not None
    if exclusive == (xml.child(scope, (DAV, "shared")) is not None):
        raise InvalidRequest("the lock scope must be either exclusive or shared")
    owner = xml.child(root, (DAV, "owner"))
    return LockRequest(exclusive, "" if owner is None else xml.serialize(owner))


def report(body: bytes, *, depth: int) -> ReportRequest:
    """The report asked for. Raises `InvalidRequest`."""
    root = xml.parse(body, depth=depth)
    asked = xml.child(root, (DAV, "prop"))
    names = () if asked is None else property_names(asked)
    wanted = property_set_of(Mode.SOME, names, body)
    filter = xml.child(root, (OC, "filter-rules"))
    rules = () if filter is None else tuple((xml.name_of(rule), xml.text_of(rule)) for rule in xml.children(filter))
    # ownCloud 10 has the limit inside of oc:search, also for filters.
    search = xml.child(root, (OC, "search"))
    holder = root if search is None else search
    limit, offset, pattern = (xml.child(holder, (OC, name)) for name in ("limit", "offset", "pattern"))
    return ReportRequest(
        xml.name_of(root),
        wanted,
        rules,
        None if limit is None else _count(xml.text_of(limit)),
        0 if offset is None else _count(xml.text_of(offset)),
        "" if pattern is None else xml.text_of(pattern),
    )


def sync(body: bytes, *, depth: int, header: str | None) -> SyncRequest:
    """The meaning of a ``DAV:sync-collection`` (RFC 6578 section 6.1); `header` is Depth, which said what the sync-level says
    now in drafts of the RFC. Raises `InvalidRequest`."""
    root = xml.parse(body, depth=depth)
    token, level, asked = (xml.child(root, (DAV, name)) for name in ("sync-token", "sync-level", "prop"))
    if token is None or asked is None:
        raise InvalidRequest("the sync-collection element must hold sync-token, sync-level and prop")
    reach = xml.text_of(level) if level is not None else header or ""
    if reach not in ("1", "infinity", "infinite"):
        raise InvalidRequest("the sync-level must be 1 or infinite")
    limit = xml.child(root, (DAV, "limit"))
    most = None if limit is None else xml.child(limit, (DAV, "nresults"))
    number = None if most is None else _count(xml.text_of(most))
    if number == 0:
        raise InvalidRequest("the limit must be 1 at least")
    return SyncRequest(xml.text_of(token), reach != "1", property_set_of(Mode.SOME, property_names(asked), body), number)


def property_set_of(mode: Mode, names: tuple[Name, ...], body: bytes) -> PropertySet:
    """The set that a whole `body` is about."""
    return property_set(mode, names) if len(body) <= LONGEST_KEPT else PropertySet(mode, names, common=False)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidRequest("a limit must be a number")
    return int(text)


def is_true(text: str) -> bool:
    """Whether a flag's text means yes: ``1`` (oc) or ``true`` (ownCloud Web)."""
    return text.strip().lower() in ("1", "true", "yes")
