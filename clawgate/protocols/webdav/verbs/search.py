"""SEARCH (RFC 5323) with ``DAV:basicsearch``, as Nextcloud's clients send it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from ....errors import InvalidRequest, NotFound
from ....gateway.finding import Region
from ....model.people import Actor
from ....web.request import Request
from ....web.response import Response
from ..address import Address, Realm, parse
from ..dav import Dav
from ..elements import CONTENT_TYPE
from ..searching import basic
from ..searching.basic import Reach
from ..searching.conditions import names, test
from ..searching.showing import Spot, shown
from .options import CLASSES

FRONT = "/remote.php/dav"
"""Where scopes begin that are no addresses of this server: Nextcloud's clients write ``/files/USER/FOLDER``."""


async def search(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """207."""
    asked = basic.parse(await request.body.read_all(dav.settings.xml_bytes), depth=dav.settings.xml_depth)
    spots: list[Spot] = []
    regions: list[Region] = []
    for scope in asked.scopes:
        where = _address(scope.href, address)
        spot = Spot(where, await dav.place(actor, where))
        spots.append(spot)
        stars = await dav.properties.all_favourites(actor.id, spot.place.space.id)
        matches = test(asked.condition, stars, spot.place.space.owner)
        regions.append(
            Region(spot.place, matches, itself=scope.reach is Reach.ITSELF, deep=scope.reach is Reach.ALL),
        )
    _check(spots)
    most = dav.settings.search_results
    result = await dav.finding.find(
        regions,
        names=names(asked.condition),
        order=[(order.key, order.descending) for order in asked.orders],
        offset=asked.offset,
        limit=min(most, most if asked.limit is None else asked.limit),
        gone=lambda: request.disconnected,
    )
    return await shown(dav, request, actor, spots, result.hits, asked.wanted, [CONTENT_TYPE, CLASSES])


def _check(spots: Sequence[Spot]) -> None:
    places = [(spot.place.space.id, spot.place.path) for spot in spots]
    if len(set(places)) < len(places) or len(places) > 16:
        raise InvalidRequest("up to 16 different scopes can be searched")


def _address(href: str, asked: Address) -> Address:
    """Where a scope is: an address of this server, as a path or a URL, or one within the tree of all files.

    Some clients encode it and others do not: what can only stand for itself does.
    """
    path = quote(urlsplit(href).path if "://" in href else href, safe="/%!$&'()*+,;=:@~-._")
    if path in ("", "."):
        return asked
    if not path.startswith("/"):
        path = f"/{path}"
    for front in ("", FRONT):
        try:
            found = parse(f"{front}{path}".encode())
        except NotFound:
            continue
        if found.realm is not Realm.ABOVE or front:
            return found
    raise NotFound("there is no such scope")
