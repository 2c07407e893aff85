"""The collections above the trees (``/``, ``/remote.php/dav``, ``/dav/files`` ...): Windows and davfs2 look at every parent."""

from __future__ import annotations

from ...gateway.namespace import Namespace
from ...model.people import Actor
from . import multistatus
from .address import Address, quote
from .depth import Depth
from .elements import DAV, OC, Name, element, empty, escape
from .requests import Mode, PropertySet


async def body(
    namespace: Namespace, actor: Actor, address: Address, wanted: PropertySet, depth: Depth, *, minimal: bool
) -> bytes:
    """The multistatus of such a collection; its members are those that lead to the actor's own files."""
    path = address.path
    hrefs = [f"/{quote(path)}/" if path else "/"]
    if depth is not Depth.ZERO:
        hrefs += [f"{hrefs[0]}{quote(name)}/" for name in await _members(namespace, actor, path)]
    return multistatus.body(_response(href, wanted, minimal) for href in hrefs)


async def _members(namespace: Namespace, actor: Actor, path: str) -> list[str]:
    inner = path.removeprefix("remote.php").lstrip("/")
    if inner == "dav":
        return ["files", "spaces"]
    if inner == "dav/files":
        return [actor.id]
    if inner == "dav/spaces":
        return [space.id for space in await namespace.spaces(actor)]
    return ["dav", "webdav"] if path else ["remote.php", "dav", "webdav"]


def _response(href: str, wanted: PropertySet, minimal: bool) -> str:
    name = escape(href.strip("/").rpartition("/")[2])
    known: dict[Name, str] = {
        (DAV, "resourcetype"): "<d:collection/>",
        (DAV, "displayname"): name,
        (OC, "permissions"): "",
    }
    asked = wanted.names if wanted.mode is Mode.SOME else tuple(known)
    inner = wanted.mode is not Mode.NAMES
    found = [element(asked_name, known[asked_name] if inner else "") for asked_name in asked if asked_name in known]
    missing = [empty(asked_name) for asked_name in asked if asked_name not in known]
    parts = [multistatus.propstat(found, multistatus.OK)] if found or not missing or minimal else []
    if missing and not minimal:
        parts.append(multistatus.propstat(missing, multistatus.MISSING))
    return multistatus.response(href, parts)
