"""The report ``oc:search-files``: what people type into the search of ownCloud's clients (clients.md 5)."""

from __future__ import annotations

from functools import partial

from ....errors import Forbidden, InvalidRequest, NotFound
from ....gateway.finding import Region
from ....model.path import ROOT
from ....model.people import Actor
from ....model.space import Place
from ....web.request import Request
from ....web.response import Response
from ..address import Address, Realm, parse, quote
from ..dav import Dav
from ..errors import Refused
from ..requests import ReportRequest
from ..searching import kql
from ..searching.conditions import fold, matcher, names, patterns, test
from ..searching.showing import Spot, shown

SPACES = ("dav/spaces", "remote.php/dav/spaces")
"""Collections above all spaces, where ownCloud Web asks."""


async def search_files(
    dav: Dav, request: Request, actor: Actor, address: Address, asked: ReportRequest, headers: list[tuple[bytes, bytes]]
) -> Response:
    """207 with ``Content-Range: rows FIRST-LAST/TOTAL``, as ownCloud 10 and oCIS have it."""
    if not asked.pattern:
        raise InvalidRequest("the search element must hold a pattern")
    query = kql.parse(asked.pattern, dav.now())
    spots = await _scoped(dav, actor, address, query.scope) if query.scope else await _below(dav, actor, address)
    regions, wanted = [], patterns(query.condition)
    for spot in spots:
        stars = await dav.properties.all_favourites(actor.id, spot.place.space.id)
        tagged = await _tagged(dav, spot.place.space.id, wanted)
        regions.append(Region(spot.place, test(query.condition, stars, tagged=tagged)))
    most = dav.settings.search_results
    # ownCloud Web says 0 for as many as the server likes.
    limit = min(most, asked.limit or most)
    result = await dav.finding.find(
        regions,
        names=names(query.condition),
        order=(),
        offset=asked.offset,
        limit=limit,
        gone=lambda: request.disconnected,
    )
    if result.hits:
        last = asked.offset + len(result.hits) - 1
        headers = [*headers, (b"Content-Range", b"rows %d-%d/%d" % (asked.offset, last, result.total))]
    return await shown(dav, request, actor, spots, result.hits, asked.wanted, headers)


async def _tagged(dav: Dav, space: str, wanted: frozenset[str]) -> dict[str, frozenset[str]]:
    """The ids of what has a tag that matches, by pattern."""
    tags = dav.properties.tags
    if tags is None:
        return {}
    return {pattern: await tags.matching(space, partial(_matches, pattern)) for pattern in wanted}


def _matches(pattern: str, name: str) -> bool:
    return bool(matcher(pattern)(fold(name)))


async def _below(dav: Dav, actor: Actor, address: Address) -> list[Spot]:
    if address.realm is Realm.ABOVE:
        if address.path not in SPACES:
            raise Refused(405, "nothing can be searched here, only spaces and what is in them", allow="OPTIONS, PROPFIND")
        roots = [place for place in await dav.namespace.roots(actor) if await _is_searched(dav, place)]
        return [Spot(_of(address.path, place), place) for place in roots]
    return [Spot(address, await dav.place(actor, address))]


async def _is_searched(dav: Dav, root: Place) -> bool:
    try:
        await dav.tree.stat(root)
    except (NotFound, Forbidden):
        return False
    return (await dav.tree.abilities(root.space)).search is not None


async def _scoped(dav: Dav, actor: Actor, address: Address, id: str) -> list[Spot]:
    """The folder with this id; nothing, if it is not there or not for this person."""
    try:
        place = await dav.namespace.in_space(actor, id.partition("!")[0], ROOT)
        if "!" in id:
            place = await dav.tree.find(place, id)
    except (NotFound, Forbidden):
        return []
    if address.realm is not Realm.ABOVE:
        here = await dav.place(actor, address)
        if here.space.id == place.space.id:
            return [Spot(address, place)]
    return [Spot(_of(address.path if address.path in SPACES else SPACES[1], place), place)]


def _of(front: str, place: Place) -> Address:
    """The address of the root of a place's space."""
    return parse(f"/{front}/{quote(place.space.id)}".encode())
