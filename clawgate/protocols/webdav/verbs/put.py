"""PUT (RFC 9110 9.3.4, RFC 4918 9.7; clients.md 3.1, 3.2)."""

from __future__ import annotations

from ....errors import NotSupported
from ....model.people import Actor
from ....web.request import Request
from ....web.response import Response
from ..address import Address
from ..dav import Dav
from ..errors import Refused
from ..terms import terms
from ..transfer_headers import intent_of, refuse_part, written


async def put(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """Write a file: all or nothing, answered when it is stored. The body's Content-Type is never looked at."""
    refuse_part(request)
    place = await dav.place(actor, address)
    if address.slash or not place.path:
        raise Refused(405, "a file cannot be written where a folder is addressed", allow="OPTIONS, PROPFIND, MKCOL")
    if request.header("oc-chunked") is not None:
        if dav.chunked is None:
            # Stored under its name, the piece would be a file of its own.
            raise NotSupported("uploads in chunks of the first kind are not taken; use chunking NG")
        return await dav.chunked(dav, request, actor, address, place)
    supported = (await dav.tree.abilities(place.space)).checksums
    intent = intent_of(request, supported)
    tokens, guard = await terms(dav, request, actor, address, place)
    done = await dav.tree.put(actor, place, request.body, intent, tokens=tokens, guard=guard)
    return written(done, await dav.tree.shown(place), mtime_accepted=intent.mtime_ns is not None)
