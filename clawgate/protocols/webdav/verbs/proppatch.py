"""PROPPATCH (RFC 4918 9.2; clients.md 5): all or nothing, except that what the server keeps itself never fails a time."""

from __future__ import annotations

import attrs

from ....errors import InvalidRequest
from ....gateway import tags
from ....model.node import Node
from ....model.people import Actor
from ....model.permissions import Permissions
from ....model.space import Place
from ....web.request import Request
from ....web.response import Response
from .. import dates, multistatus, requests
from ..address import Address
from ..dav import Dav
from ..elements import CONTENT_TYPE, DAV, OC, Name, empty
from ..errors import Refused
from ..properties import FAVOURITE, OURS, TAGS
from ..requests import Change
from ..terms import Terms, terms
from .options import CLASSES

TIMES = ((DAV, "lastmodified"), (DAV, "getlastmodified"))
"""``lastmodified`` is rclone's and ownCloud's spelling."""
TOLERATED = ((OC, "checksums"),)
"""rclone sets these together with the time; clawgate computes them itself. Refusing them would refuse the time."""

_PROTECTED = "<d:error><d:cannot-modify-protected-property/></d:error>"
_DEPENDENCY = "HTTP/1.1 424 Failed Dependency"


async def proppatch(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """207 with a status for each property."""
    place = await dav.place(actor, address)
    changes = requests.proppatch(await request.body.read_all(dav.settings.xml_bytes), depth=dav.settings.xml_depth)
    _need_write(actor, place, changes)
    node = await dav.tree.stat(place)
    _need_write(actor, attrs.evolve(place, permissions=await dav.tree.permitted(place)), changes)
    required = await terms(dav, request, actor, address, place)
    if any(change.name != FAVOURITE for change in changes):
        dav.locks.check(actor.id, place.space.id, place.path, required.tokens)
    required.judge(node)
    refused = await _refusals(dav, place, changes)
    if not refused:
        await _apply(dav, actor, place, node, required, changes)
    return _answer(address.href(place.path, node.is_folder), changes, refused)


def _need_write(actor: Actor, place: Place, changes: tuple[Change, ...]) -> None:
    # A favourite is the actor's own mark, not a change of the file.
    marks = all(change.name == FAVOURITE for change in changes) and not actor.scope.read_only
    if Permissions.WRITE not in place.permissions and not marks:
        raise Refused(403, "you have no permission to change properties here")


async def _refusals(dav: Dav, place: Place, changes: tuple[Change, ...]) -> dict[Name, str]:
    """Status and reason of each change that cannot be made: found before anything is changed."""
    refused: dict[Name, str] = {}
    for change in changes:
        name = change.name
        if name in TIMES:
            settable = change.xml is not None and (await dav.tree.abilities(place.space)).times is not None
            if not settable:
                refused[name] = "HTTP/1.1 403 Forbidden"
            elif dates.parse(change.text) is None:
                refused[name] = "HTTP/1.1 409 Conflict"
        elif name in TOLERATED or name == FAVOURITE:
            continue
        elif name == TAGS and dav.properties.tags is not None:
            try:
                wanted = tags.checked(tags.split(change.text if change.xml is not None else ""))
            except InvalidRequest:
                refused[name] = "HTTP/1.1 409 Conflict"
            else:
                if len(wanted) > dav.settings.tag_count:
                    refused[name] = "HTTP/1.1 507 Insufficient Storage"
        elif name[0] in OURS:
            refused[name] = "HTTP/1.1 403 Forbidden"
        elif change.xml is not None and len(change.xml.encode()) > dav.settings.property_bytes:
            refused[name] = "HTTP/1.1 507 Insufficient Storage"
    return refused


async def _apply(dav: Dav, actor: Actor, place: Place, node: Node, required: Terms, changes: tuple[Change, ...]) -> None:
    space = place.space.id
    values: dict[Name, str] = {}
    removed: dict[Name, None] = {}
    mtime: int | None = None
    star: bool | None = None
    tagged: list[str] | None = None
    # In document order: the last word on a property counts (RFC 4918 9.2).
    for change in changes:
        if change.name in TIMES:
            mtime = dates.parse(change.text)
        elif change.name == FAVOURITE:
            star = change.xml is not None and requests.is_true(change.text)
        elif change.name == TAGS:
            tagged = tags.split(change.text) if change.xml is not None else []
        elif change.name in TOLERATED:
            continue
        elif change.xml is not None:
            values[change.name] = change.xml
            removed.pop(change.name, None)
        else:
            values.pop(change.name, None)
            removed[change.name] = None
    if mtime is not None:
        if mtime < 0:
            raise InvalidRequest("times before 1970 are not possible")
        # First what the storage may refuse.
        await dav.tree.touch(actor, place, mtime, tokens=required.tokens)
    if values or removed:
        await dav.properties.patch(space, node.id, values, tuple(removed))
    if tagged is not None and dav.properties.tags is not None:
        await dav.properties.tags.replace(space, node.id, tagged)
    if star is not None:
        await dav.properties.set_favourite(actor.id, space, node.id, star)


def _answer(href: str, changes: tuple[Change, ...], refused: dict[Name, str]) -> Response:
    by_status: dict[str, dict[Name, None]] = {}
    for change in changes:
        status = refused.get(change.name) or (_DEPENDENCY if refused else multistatus.OK)
        by_status.setdefault(status, {})[change.name] = None
    parts = [
        multistatus.propstat(map(empty, names), status, _PROTECTED if " 403 " in status else "")
        for status, names in by_status.items()
    ]
    return Response(207, [CONTENT_TYPE, CLASSES], multistatus.body([multistatus.response(href, parts)]))
