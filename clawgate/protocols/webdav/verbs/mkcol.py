"""MKCOL (RFC 4918 9.3; clients.md 5)."""

from __future__ import annotations

from ....errors import AlreadyExists, TooLarge
from ....model.people import Actor
from ....web.request import Request
from ....web.response import Response
from ..address import Address
from ..dav import Dav
from ..errors import Refused
from ..terms import terms
from ..transfer_headers import identity_of

_EXISTS = "the name is taken"
_ALLOW = "OPTIONS, GET, HEAD, PUT, DELETE, MOVE, COPY, PROPFIND, PROPPATCH, LOCK, UNLOCK"


async def mkcol(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """201; 405 where something is already (the desktops then go on), 415 with a body."""
    await refuse_body(request)
    place = await dav.place(actor, address)
    if not place.path:
        raise Refused(405, _EXISTS, allow=_ALLOW)
    tokens, guard = await terms(dav, request, actor, address, place)
    try:
        node = await dav.tree.make_folder(actor, place, tokens=tokens, guard=guard)
    except AlreadyExists:
        raise Refused(405, _EXISTS, allow=_ALLOW) from None
    return Response(201, identity_of(node))


async def refuse_body(request: Request) -> None:
    """Raise `Refused` if the request has a body."""
    # Only chunked bodies have to be looked into.
    empty = request.body.length == 0
    if request.body.length is None:
        try:
            empty = not await request.body.read_all(0)
        except TooLarge:
            empty = False
    if not empty:
        raise Refused(415, "MKCOL takes no body (RFC 4918 9.3)")
