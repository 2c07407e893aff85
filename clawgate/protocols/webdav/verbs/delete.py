"""DELETE (RFC 4918 9.6): a file or a whole folder, gone in one step; never a partial 207."""

from __future__ import annotations

from ....errors import InvalidRequest
from ....model.people import Actor
from ....web.request import Request
from ....web.response import Response
from ..address import Address
from ..dav import Dav
from ..terms import terms


async def delete(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """204."""
    if (request.header("depth") or "infinity").strip().lower() != "infinity":
        raise InvalidRequest("a folder can only be deleted with all that is in it (Depth: infinity)")
    place = await dav.place(actor, address)
    tokens, guard = await terms(dav, request, actor, address, place)
    await dav.tree.remove(actor, place, tokens=tokens, guard=guard)
    return Response(204)
