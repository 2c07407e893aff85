"""The report ``DAV:sync-collection`` (RFC 6578): what changed in a folder since the client asked last."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ....errors import NotSupported
from ....gateway.changes import Changes
from ....interfaces import Outdated
from ....model.node import Node
from ....model.path import Path
from ....model.people import Actor
from ....model.space import Place
from ....web.request import Request
from ....web.response import Response
from ..address import Address
from ..dav import Dav
from ..errors import Refused
from ..look import Headers, Look, assembled
from ..multistatus import MISSING, status_response
from ..requests import SyncRequest

SHUT = "HTTP/1.1 403 Forbidden"
MORE = "HTTP/1.1 507 Insufficient Storage"


async def sync_collection(
    dav: Dav,
    request: Request,
    actor: Actor,
    address: Address,
    place: Place,
    asked: SyncRequest,
    headers: Headers,
    *,
    minimal: bool,
) -> Response:
    """207. Raises `Refused` with ``valid-sync-token`` for a token that nothing can be told about any more."""
    changes = Changes(dav.tree, place, deep=asked.deep, limit=asked.limit, lines=dav.settings.sync_lines)
    # Before anything is looked at: the positions of what is shown must not be later than what is shown.
    look = await Look.at(dav, request, actor, address, place, asked.wanted, minimal)
    try:
        await changes.begin(asked.token)
    except Outdated as error:
        raise Refused(403, str(error), "<d:valid-sync-token/>") from error
    except NotSupported as error:
        raise Refused(403, str(error), "<d:supported-report/>") from error

    def tail() -> str:
        assert changes.bookmark is not None
        more = ""
        if changes.truncated:
            more = status_response(address.href(place.path, True), MORE, "<d:number-of-matches-within-limits/>")
        return f"{more}<d:sync-token>{changes.bookmark.text()}</d:sync-token>"

    return await assembled(look.entries(_told(address, changes)), headers, tail)


async def _told(address: Address, changes: Changes) -> AsyncIterator[tuple[Path, Node] | str]:
    async for change in changes.told():
        if change.shut:
            yield status_response(address.href(change.path, True), SHUT, "<d:sync-traversal-supported/>")
        elif change.node is None:
            yield status_response(address.href(change.path, change.folder), MISSING)
        else:
            yield change.path, change.node
