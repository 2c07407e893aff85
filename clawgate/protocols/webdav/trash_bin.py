"""The trash as clients see it: PROPFIND, GET, restore by MOVE, DELETE of one thing and of all (clients.md 7.3).

Checked with the code of ownCloud's SDK 3, of ownCloud Web's client library 12 and of Nextcloud's web interface.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from urllib.parse import urlsplit

import attrs

from ...errors import Forbidden, InvalidRequest, NotFound
from ...gateway.trash import Trash
from ...interfaces import Trashed
from ...model.node import Node
from ...model.path import ROOT, Path
from ...model.people import Actor
from ...model.permissions import Permissions
from ...model.space import Place
from ...web.request import Request
from ...web.response import Response
from .address import parse_url
from .beside import Beside
from .dates import http_date
from .depth import Depth
from .elements import DAV, NC, OC, escape
from .errors import Refused
from .facts import Entry, Facts, asked, listed, shown
from .handler import Authenticate, Challenges, DavHandler
from .media import FOLDER, content_type
from .previewing import asked as asked_preview
from .terms import hosts, terms
from .transfer_headers import identity_of, overwrite_of
from .trash_target import TrashTarget, restores, target_of
from .verbs.get import answer


class TrashBin(Beside):
    """The handler of everything under `trash_target.PREFIXES`."""

    def __init__(self, files: DavHandler, trash: Trash, authenticate: Authenticate, challenges: Challenges) -> None:
        verbs = {
            "PROPFIND": self._propfind,
            "GET": self._get,
            "HEAD": self._get,
            "MOVE": self._restore,
            "DELETE": self._delete,
        }
        super().__init__(authenticate, challenges, verbs)
        self._files = files
        self._dav = files.dav
        self._trash = trash

    async def _place(self, actor: Actor, target: TrashTarget) -> Place:
        """The root of the space. Raises `NotFound`, `Forbidden`."""
        if target.is_space:
            return await self._dav.namespace.in_space(actor, target.owner, ROOT)
        return await self._dav.namespace.files_of(actor, target.owner, ROOT)

    async def _propfind(self, request: Request, actor: Actor) -> Response:
        target = target_of(request)
        wanted, depth = await asked(request, self._files)
        place = await self._place(actor, target)
        if not target.key:
            return await listed(wanted, self._all(place, target, depth))
        trashed = await self._trash.find(place, target.key)
        node = trashed.node if not target.path else await self._trash.look(place, target.key, target.path)
        entries = [_entry(place, target, trashed, node, target.path)]
        if node.is_folder and depth is not Depth.ZERO:
            for child in await self._trash.inside(place, target.key, target.path):
                below = Path(f"{target.path}/{child.name}" if target.path else child.name)
                entries.append(_entry(place, target, trashed, child, below))
        return shown(wanted, entries)

    async def _all(self, place: Place, target: TrashTarget, depth: Depth) -> AsyncGenerator[Sequence[Entry], None]:
        if not await self._trash.has(place):
            raise NotFound("this space has no trash")
        yield [(target.href_of("", "", folder=True), _bin(place))]
        if depth is not Depth.ZERO:
            async for page in self._trash.list(place):
                yield [_entry(place, target, one, one.node, ROOT) for one in page]

    async def _get(self, request: Request, actor: Actor) -> Response:
        target = target_of(request)
        if not target.key:
            raise Refused(405, "the trash can only be listed, with PROPFIND", allow="OPTIONS, PROPFIND, DELETE")
        if asked_preview(request) is not None:
            raise NotFound("there are no previews of what was removed")
        reader = await self._trash.read(await self._place(actor, target), target.key, target.path)
        try:
            reader.node = reader.node._replace(etag=_etag(reader.node))
            response = answer(request, reader, self._dav.now())
        except BaseException:
            await reader.close()
            raise
        response.close = reader.close
        return response

    async def _restore(self, request: Request, actor: Actor) -> Response:
        """201, 204 where something was replaced; 409 if the folder is gone, 412 if something is there and Overwrite is F."""
        target = target_of(request)
        if not target.key or target.path:
            raise Forbidden("only what was removed as a whole can be brought back")
        place = await self._place(actor, target)
        value = request.header("destination")
        if value is None:
            raise InvalidRequest("a Destination header is needed")
        if restores(urlsplit(value).path, target.owner):
            wanted = attrs.evolve(place, path=(await self._trash.find(place, target.key)).origin)
            tokens: frozenset[str] = frozenset()
        else:
            address = parse_url(value, hosts(request))
            wanted = await self._dav.place(actor, address)
            tokens, _ = await terms(self._dav, request, actor, address, wanted)
        done = await self._trash.restore(actor, place, target.key, wanted, replace=overwrite_of(request), tokens=tokens)
        return Response(204 if done.replaced else 201, identity_of(done.node))

    async def _delete(self, request: Request, actor: Actor) -> Response:
        target = target_of(request)
        if target.path:
            raise Forbidden("only what was removed as a whole can be removed for good")
        place = await self._place(actor, target)
        if target.key:
            await self._trash.purge(place, target.key)
        else:
            await self._trash.empty(place)
        return Response(204)


def _bin(place: Place) -> Facts:
    return {
        (DAV, "resourcetype"): "<d:collection/>",
        (DAV, "displayname"): escape(place.space.name),
        (OC, "spaceid"): escape(place.space.id),
        (OC, "permissions"): _letters(place),
    }


def _entry(place: Place, target: TrashTarget, trashed: Trashed, node: Node, path: Path) -> Entry:
    origin = escape(f"{trashed.origin}/{path}" if path else trashed.origin)
    removed = str(int(trashed.removed))
    name = escape(node.name)
    facts = {
        (DAV, "resourcetype"): "<d:collection/>" if node.is_folder else "",
        (DAV, "displayname"): name,
        (DAV, "getlastmodified"): http_date(node.mtime_ns // 1_000_000_000),
        (DAV, "getetag"): f'"{escape(_etag(node))}"',
        (DAV, "getcontenttype"): FOLDER if node.is_folder else escape(content_type(node.name)),
        (OC, "size"): str(node.size),
        (OC, "trashbin-original-filename"): name,
        (OC, "trashbin-original-location"): origin,
        (OC, "trashbin-delete-timestamp"): removed,
        (OC, "trashbin-delete-datetime"): http_date(int(trashed.removed)),
        (OC, "permissions"): _letters(place),
        (OC, "spaceid"): escape(place.space.id),
        (NC, "trashbin-filename"): name,
        (NC, "trashbin-original-location"): origin,
        (NC, "trashbin-deletion-time"): removed,
        (NC, "trashbin-title"): name,
    }
    if not node.is_folder:
        facts[DAV, "getcontentlength"] = str(node.size)
    if node.id:
        facts[OC, "id"] = facts[OC, "fileid"] = escape(node.id)
    return target.href_of(trashed.key, path, folder=node.is_folder), facts


def _letters(place: Place) -> str:
    """``D``: what is here may be removed for good and brought back; ``P`` says the former to oCIS's clients."""
    return "DP" if Permissions.DELETE in place.permissions else ""


def _etag(node: Node) -> str:
    return node.etag or node.seen.replace(".", "-")
