"""UNLOCK (RFC 4918 9.11)."""

from __future__ import annotations

from ....errors import InvalidRequest
from ....model.people import Actor
from ....web.request import Request
from ....web.response import Response
from ..address import Address
from ..dav import Dav
from ..terms import terms
from .lock import need_lock_rights


async def unlock(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """204; 400 without a token, 409 for one that is not of a lock here."""
    place = await dav.place(actor, address)
    need_lock_rights(actor)
    value = (request.header("lock-token") or "").strip()
    if not (value.startswith("<") and value.endswith(">") and len(value) > 2):
        raise InvalidRequest("a Lock-Token header with the token in angle brackets is needed")
    node = await dav.tree.stat(place)
    (await terms(dav, request, actor, address, place)).judge(node)
    await dav.locks.release(actor.id, value[1:-1], place.space.id, place.path)
    return Response(204)
