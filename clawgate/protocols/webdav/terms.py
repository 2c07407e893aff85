"""The conditions of a request, for the gateway to judge when it looks at the node: If-Match and its kin, and If."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from ...errors import ClawgateError, InvalidRequest, NotFound, PreconditionFailed
from ...gateway.bookmarks import FRONT, Bookmark
from ...gateway.tree import Guard
from ...interfaces import Position
from ...model.node import Node
from ...model.people import Actor
from ...model.space import Place
from ...web.conditions import Outcome, evaluate
from ...web.request import Request
from .address import Address, parse_url
from .dav import Dav
from .if_header import IfHeader, parse

_State = tuple[str | None, Collection[str]]
_NOTHING: _State = (None, ())


class Terms(NamedTuple):
    """What a change rests on."""

    tokens: frozenset[str]
    """Lock tokens submitted."""
    guard: Guard | None
    """None: no conditions."""

    def judge(self, node: Node | None) -> None:
        """Raise `PreconditionFailed` unless the conditions hold for `node`."""
        if self.guard is not None:
            self.guard(node)


_FREE = Terms(frozenset(), None)


def hosts(request: Request) -> frozenset[str] | None:
    """The authorities by which this server may be called in Destination and If; None: a proxy may have renamed it."""
    for name in ("forwarded", "x-forwarded-for", "x-forwarded-host", "via"):
        if request.header(name) is not None:
            return None
    named = {request.host, request.base_url.partition("://")[2], request.header("host") or ""}
    return frozenset(named - {""})


async def terms(dav: Dav, request: Request, actor: Actor, address: Address, place: Place) -> Terms:
    """The terms of a request on `place`. Other resources that its If header names are looked up now.

    Raises `InvalidRequest` for an If header that cannot be understood, `PreconditionFailed` if its tokens do not match.
    """
    header = request.header
    conditional = (
        header("if-match") is not None or header("if-none-match") is not None or header("if-unmodified-since") is not None
    )
    value = header("if")
    if value is None:
        return Terms(frozenset(), lambda node: _conditions(request, node)) if conditional else _FREE
    stated = parse(value)
    # Before anybody looks at the node: what happens meanwhile must not count as known.
    reckon = await _reckoning(dav, place, stated)
    others = {resource: await _state(dav, request, actor, place, resource, stated) for resource in stated.resources}

    def guard(node: Node | None) -> None:
        if conditional:
            _conditions(request, node)
        if not stated.holds(lambda resource: others.get(resource) or _own(dav, place, node, reckon)):
            raise PreconditionFailed("the conditions of the If header do not hold")

    if stated.tokens:
        # A token that does not match is a condition that does not hold, 412, also where a lock then stands in the way, 423.
        guard(await _node(dav, place))
    return Terms(stated.tokens, guard)


def _conditions(request: Request, node: Node | None) -> None:
    etag, mtime = (None, None) if node is None else (node.etag, node.mtime_ns // 1_000_000_000)
    if evaluate(request.header, request.verb, etag, mtime, node is not None) is Outcome.FAILED:
        raise PreconditionFailed("the file has been changed in the meantime")


_Reckon = Callable[[Node], Position]


async def _reckoning(dav: Dav, place: Place, stated: IfHeader) -> _Reckon | None:
    """How ``DAV:sync-token`` is made, if one is among the conditions (RFC 6578 section 5)."""
    if not any(token.startswith(FRONT) for token in stated.tokens):
        return None
    journal = (await dav.tree.abilities(place.space)).journal
    return None if journal is None else journal.reckoning()


def _own(dav: Dav, place: Place, node: Node | None, reckon: _Reckon | None) -> _State:
    tokens = [lock.token for lock in dav.locks.covering(place.space.id, place.path)]
    if reckon is not None and node is not None and node.is_folder:
        tokens.append(Bookmark(reckon(node)).text())
    return None if node is None else node.etag, tokens


async def _state(dav: Dav, request: Request, actor: Actor, place: Place, resource: str | None, stated: IfHeader) -> _State | None:
    """None: it is the request's own resource."""
    if resource is None:
        return None
    try:
        there = await dav.place(actor, parse_url(resource, hosts(request)))
    except ClawgateError:
        return _NOTHING
    if there.path == place.path and there.space.id == place.space.id:
        return None
    reckon = await _reckoning(dav, there, stated)
    return _own(dav, there, await _node(dav, there), reckon)


async def _node(dav: Dav, place: Place) -> Node | None:
    try:
        return await dav.tree.stat(place)
    except (NotFound, InvalidRequest):
        return None
