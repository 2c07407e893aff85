"""LOCK (RFC 4918 9.10)."""

from __future__ import annotations

from ....errors import InvalidRequest, Locked, NotFound, PreconditionFailed
from ....model.content import Intent, Target
from ....model.lock import Lock
from ....model.node import Node
from ....model.path import Path
from ....model.people import Actor
from ....model.permissions import Permissions
from ....model.space import Place
from ....web.body import EMPTY
from ....web.request import Request
from ....web.response import Response
from .. import requests
from ..address import Address
from ..dav import Dav
from ..depth import Depth
from ..depth import parse as parse_depth
from ..elements import CONTENT_TYPE, DECLARATION
from ..errors import Refused
from ..lock_xml import activelock
from ..terms import Terms, terms
from ..transfer_headers import identity_of


async def lock(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """200 with the lock; 201 if an empty file had to be made for it (RFC 4918 9.10.4). Without a body: refresh."""
    place = await dav.place(actor, address)
    need_lock_rights(actor)
    sent = await request.body.read_all(dav.settings.xml_bytes)
    required = await terms(dav, request, actor, address, place)
    seconds = timeout_of(request.header("timeout"))
    if not sent.strip():
        return await _refresh(dav, actor, address, place, required, seconds)
    asked = requests.lockinfo(sent, depth=dav.settings.xml_depth)
    depth = parse_depth(request.header("depth"), Depth.INFINITY)
    if depth is Depth.ONE:
        raise InvalidRequest("Depth must be 0 or infinity for a lock")
    if len(asked.owner_xml.encode()) > dav.settings.property_bytes:
        raise InvalidRequest(f"the owner element may have at most {dav.settings.property_bytes} bytes")
    if Permissions.WRITE not in place.permissions:
        raise Refused(403, "you have no permission to lock this")
    made = await _ensure(dav, actor, address, place, required)
    if made is None and Permissions.WRITE not in await dav.tree.permitted(place):
        raise Refused(403, "you have no permission to lock this")
    try:
        new = await dav.locks.create(
            actor.id,
            place.space.id,
            place.path,
            deep=depth is Depth.INFINITY,
            exclusive=asked.exclusive,
            owner_xml=asked.owner_xml,
            timeout=seconds,
        )
    except Locked as error:
        root = address.href(Path(error.root), False)
        condition = f"<d:no-conflicting-lock><d:href>{root}</d:href></d:no-conflicting-lock>"
        raise Refused(423, str(error), condition) from None
    response = _answer(dav, address, new, 200 if made is None else 201)
    response.headers.append((b"Lock-Token", f"<{new.token}>".encode()))
    if made is not None:
        response.headers += identity_of(made)
    return response


def need_lock_rights(actor: Actor) -> None:
    """Raise unless the actor may do something with locks: the owner of one may have set it with other credentials than these."""
    if actor.scope.read_only:
        raise Refused(403, "you have no permission to lock or unlock this")


async def _ensure(dav: Dav, actor: Actor, address: Address, place: Place, required: Terms) -> Node | None:
    """Make an empty file where nothing is; None: something is there."""
    try:
        required.judge(await dav.tree.stat(place))
    except NotFound:
        if address.slash:
            raise Refused(409, "there is no such folder to lock") from None
    else:
        return None
    intent = Intent(size=0, expected=Target.NOTHING)
    return (await dav.tree.put(actor, place, EMPTY, intent, tokens=required.tokens, guard=required.guard)).node


async def _refresh(dav: Dav, actor: Actor, address: Address, place: Place, required: Terms, seconds: int | None) -> Response:
    covering = [lock.token for lock in dav.locks.covering(place.space.id, place.path)]
    tokens = [token for token in covering if token in required.tokens]
    if not required.tokens:
        raise InvalidRequest("a LOCK without body refreshes a lock, whose token must be in an If header (RFC 4918 9.10.2)")
    if len(tokens) != 1:
        raise Refused(412, "the token in the If header is not that of a lock here", "<d:lock-token-matches-request-uri/>")
    if required.guard is not None:
        try:
            required.judge(await dav.tree.stat(place))
        except NotFound:
            raise PreconditionFailed("there is nothing here any more") from None
    return _answer(dav, address, await dav.locks.refresh(actor.id, tokens[0], place.space.id, place.path, seconds), 200)


def _answer(dav: Dav, address: Address, shown: Lock, status: int) -> Response:
    inner = activelock(shown, address, dav.now())
    body = f'{DECLARATION}<d:prop xmlns:d="DAV:"><d:lockdiscovery>{inner}</d:lockdiscovery></d:prop>'
    return Response(status, [CONTENT_TYPE], body.encode())


def timeout_of(value: str | None) -> int | None:
    """The first timeout that a Timeout header (RFC 4918 10.7) asks for, in seconds; None: as long as possible."""
    for part in (value or "").split(","):
        kind, _, number = part.strip().lower().partition("-")
        if kind == "infinite":
            return None
        if kind == "second" and number.isascii() and number.isdigit():
            return int(number[:10])
    return None
