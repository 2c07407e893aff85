"""REPORT (RFC 3253 3.6): of ownCloud's reports the favourites, ``oc:filter-files`` (clients.md 5). Depth does not matter."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ....errors import Forbidden, InvalidRequest, NotFound, NotSupported
from ....model.node import Node
from ....model.path import Path, is_within
from ....model.people import Actor
from ....model.space import Place
from ....web.request import Request
from ....web.response import Response
from .. import requests
from ..address import Address
from ..dav import Dav
from ..elements import CONTENT_TYPE, DAV, OC, Name
from ..errors import Refused
from ..look import Look
from ..properties import FAVOURITE
from .options import CLASSES

FILTER = (OC, "filter-files")
KNOWN = ((OC, "search-files"), (DAV, "sync-collection"))
"""Other reports that clients ask for where they are advertised (clients.md 5)."""


async def report(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """207 for ``oc:filter-files``, 501 for other reports that clients know, 403 as in RFC 3253 3.6 for the rest and for files."""
    place = await dav.place(actor, address)
    there = await dav.tree.stat(place)
    sent = await request.body.read_all(dav.settings.xml_bytes)
    asked = requests.report(sent, depth=dav.settings.xml_depth)
    if asked.kind == FILTER and there.is_folder:
        _check(asked.rules)
        prefer = request.header("prefer")
        minimal = prefer is not None and "return=minimal" in prefer.lower()
        headers = [CONTENT_TYPE, CLASSES]
        if minimal:
            headers.append((b"Preference-Applied", b"return=minimal"))
        look = await Look.at(dav, request, actor, address, place, asked.wanted, minimal)
        return await look.scattered(_favourites(dav, actor, place, asked.limit), headers)
    if asked.kind in KNOWN:
        raise NotSupported(f"the report {asked.kind[1]} is not offered here")
    raise Refused(403, "this report is not offered here", "<d:supported-report/>")


def _check(rules: tuple[tuple[Name, str], ...]) -> None:
    """Raise `InvalidRequest` or `NotSupported` unless favourites are what is asked for."""
    if not rules:
        raise InvalidRequest("the filter-files element must hold filter-rules")
    for name, text in rules:
        if name != FAVOURITE:
            raise NotSupported(f"files cannot be filtered by {name[1]} here")
        if not requests.is_true(text):
            raise NotSupported("only what is a favourite can be asked for")


async def _favourites(dav: Dav, actor: Actor, folder: Place, limit: int | None) -> AsyncIterator[tuple[Path, Node]]:
    """What `actor` has marked below `folder`, always in the same order, at most `limit` of it."""
    for id in sorted(await dav.properties.all_favourites(actor.id, folder.space.id)):
        if limit == 0:
            return
        try:
            place = await dav.tree.find(folder, id)
            if place.path == folder.path or not is_within(place.path, folder.path):
                continue
            node = await dav.tree.stat(place)
        except (NotFound, Forbidden):
            # Marks outlive what somebody else removed or shut.
            continue
        yield place.path, node
        if limit is not None:
            limit -= 1
