"""REPORT (RFC 3253 3.6): of ownCloud's reports favourites and tags, ``oc:filter-files`` (clients.md 5). Depth does not matter."""

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
from ..address import Address, Realm
from ..dav import Dav
from ..elements import CONTENT_TYPE, DAV, OC, Name
from ..errors import Refused
from ..look import Look
from ..properties import FAVOURITE, TAGS
from .options import CLASSES
from .search_files import search_files
from .sync_collection import sync_collection

FILTER = (OC, "filter-files")
NUMBERED = (OC, "systemtag")
"""A rule by the number of a tag, as ownCloud 10 and Nextcloud ask; by its name, too, if that is no number of the actor's."""
TAGGED = (TAGS, (OC, "tag"), NUMBERED)
"""Rules by tags."""
LONGEST_NUMBER = 10
"""Digits that no number of a tag has."""
SYNC = (DAV, "sync-collection")
SEARCH = (OC, "search-files")


async def report(dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
    """207; 403 as in RFC 3253 3.6 for reports that are not offered, and for files."""
    if address.realm is Realm.ABOVE:
        place, there = None, None
    else:
        place = await dav.place(actor, address)
        there = await dav.tree.stat(place)
    sent = await request.body.read_all(dav.settings.xml_bytes)
    asked = requests.report(sent, depth=dav.settings.xml_depth)
    prefer = request.header("prefer")
    minimal = prefer is not None and "return=minimal" in prefer.lower()
    headers = [CONTENT_TYPE, CLASSES]
    if minimal:
        headers.append((b"Preference-Applied", b"return=minimal"))
    if asked.kind == SEARCH and (there is None or there.is_folder):
        return await search_files(dav, request, actor, address, asked, headers)
    if place is None or there is None:
        # Raises what is said of all that is above the trees.
        place = await dav.place(actor, address)
        there = await dav.tree.stat(place)
    if asked.kind == FILTER and there.is_folder:
        _check(asked.rules, tags=dav.properties.tags is not None)
        look = await Look.at(dav, request, actor, address, place, asked.wanted, minimal)
        return await look.scattered(_marked(dav, actor, place, asked.rules, asked.limit, asked.offset), headers)
    if asked.kind == SYNC and there.is_folder:
        sync = requests.sync(sent, depth=dav.settings.xml_depth, header=request.header("depth"))
        return await sync_collection(dav, request, actor, address, place, sync, headers, minimal=minimal)
    raise Refused(403, "this report is not offered here", "<d:supported-report/>")


def _check(rules: tuple[tuple[Name, str], ...], *, tags: bool) -> None:
    """Raise `InvalidRequest` or `NotSupported` unless favourites or tags are what is asked for."""
    if not rules:
        raise InvalidRequest("the filter-files element must hold filter-rules")
    for name, text in rules:
        if tags and name in TAGGED:
            if not text.strip():
                raise InvalidRequest("the rule by a tag must name one")
            continue
        if name != FAVOURITE:
            raise NotSupported(f"files cannot be filtered by {name[1]} here")
        if not requests.is_true(text):
            raise NotSupported("only what is a favourite can be asked for")


async def _ids(dav: Dav, actor: Actor, space: str, rules: tuple[tuple[Name, str], ...]) -> frozenset[str]:
    """What all of the rules hold for."""
    found: frozenset[str] | None = None
    for name, text in rules:
        if name == FAVOURITE:
            some = await dav.properties.all_favourites(actor.id, space)
        else:
            tags = dav.properties.tags
            assert tags is not None
            wanted = text.strip()
            if name == NUMBERED and wanted.isascii() and wanted.isdigit() and len(wanted) < LONGEST_NUMBER:
                wanted = await tags.by_number(actor.id, int(wanted)) or wanted
            some = await tags.tagged(space, wanted)
        found = some if found is None else found & some
    return found or frozenset()


async def _marked(
    dav: Dav, actor: Actor, folder: Place, rules: tuple[tuple[Name, str], ...], limit: int | None, offset: int
) -> AsyncIterator[tuple[Path, Node] | str]:
    """What is marked or tagged below `folder`, always in the same order, at most `limit` of it after the first `offset`."""
    for id in sorted(await _ids(dav, actor, folder.space.id, rules)):
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
        if offset:
            offset -= 1
            continue
        yield place.path, node
        if limit is not None:
            limit -= 1
