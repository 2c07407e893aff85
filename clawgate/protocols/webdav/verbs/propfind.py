"""PROPFIND (RFC 4918 9.1; clients.md 2)."""

from __future__ import annotations

from ....errors import NotAFolder
from ....model.people import Actor
from ....web.request import Request
from ....web.response import Response
from .. import parents, requests
from ..address import Address, Realm
from ..dav import Dav
from ..depth import Depth
from ..depth import parse as parse_depth
from ..elements import CONTENT_TYPE
from ..errors import Refused
from ..look import Look
from .options import CLASSES

_HEADERS = [CONTENT_TYPE, CLASSES]
_MINIMAL_HEADERS = [*_HEADERS, (b"Preference-Applied", b"return=minimal")]


async def propfind(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """207. Without a Depth header 1 is meant: the clients that leave it out (login probes) only look at the status."""
    depth = parse_depth(request.header("depth"), Depth.ONE)
    if depth is Depth.INFINITY and not dav.settings.depth_infinity:
        raise Refused(403, "listings of whole trees (Depth: infinity) are not offered", "<d:propfind-finite-depth/>")
    sent = await request.body.read_all(dav.settings.xml_bytes)
    wanted = requests.propfind(sent, depth=dav.settings.xml_depth)
    prefer = request.header("prefer")
    minimal = prefer is not None and "return=minimal" in prefer.lower()
    headers = list(_MINIMAL_HEADERS if minimal else _HEADERS)
    if address.realm is Realm.ABOVE:
        shown = await parents.body(dav.namespace, actor, address, wanted, depth, minimal=minimal)
        return Response(207, headers, shown)
    place = await dav.place(actor, address)
    look = await Look.at(dav, request, actor, address, place, wanted, minimal)
    if depth is Depth.ZERO:
        node = await dav.tree.stat(place)
        return Response(207, headers + dav.announced if node.is_folder else headers, await look.alone(node))
    try:
        listing = await dav.tree.list(place)
    except NotAFolder:
        return Response(207, headers, await look.alone(await dav.tree.stat(place)))
    return await look.folder(listing, headers + dav.announced, deep=depth is Depth.INFINITY)
