"""Facts on a file by its id, and its former content: ``/remote.php/dav/meta/ID`` (clients.md 7.4).

``meta/ID`` tells where the file is; ``meta/ID/v`` lists the versions, which are read with GET and become the present content by
COPY. Nextcloud has the same under ``versions/USER/versions/ID``, with MOVE to ``versions/USER/restore/NAME``.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs

from ...errors import ClawgateError, Forbidden, InvalidRequest, IsAFolder, NotFound
from ...gateway.versions import Versions
from ...interfaces import Version
from ...model.node import Node
from ...model.path import ROOT, parent
from ...model.people import Actor
from ...model.space import Place
from ...web.request import Request
from ...web.response import Response
from .address import Address, Realm, parse_url, quote, quote_raw
from .beside import Beside, segments
from .dates import http_date
from .depth import Depth
from .elements import DAV, NC, OC, escape
from .errors import Refused
from .facts import Entry, asked, shown
from .handler import Authenticate, Challenges, DavHandler
from .media import FOLDER, content_type
from .previewing import asked as asked_preview
from .previewing import respond
from .terms import hosts, terms
from .transfer_headers import identity_of
from .verbs.get import answer

META = ("/remote.php/dav/meta", "/dav/meta")
"""``ID``, ``ID/v``, ``ID/v/KEY``."""
NEXTCLOUD = ("/remote.php/dav/versions", "/dav/versions")
"""``USER/versions/ID``, ``USER/versions/ID/KEY``."""
PREFIXES = (*META, *NEXTCLOUD)


@attrs.frozen
class MetaTarget:
    """What a request is about."""

    href: str
    """The list of versions as the client wrote it, without trailing slash."""
    id: str
    key: str
    """Of a version; empty: all of them."""
    is_file: bool
    """The file itself is meant, not its versions."""
    user: str = ""
    """Whose file it is, if the address tells."""


def target_of(request: Request) -> MetaTarget:
    """The target of a request below `PREFIXES`. Raises `NotFound`, `InvalidRequest`."""
    front, written, names = segments(request.raw_path, PREFIXES)
    if front in NEXTCLOUD:
        if len(names) in (3, 4) and names[1] == "versions":
            href = "/".join([front, *map(quote_raw, written[:3])])
            return MetaTarget(href, names[2], "".join(names[3:]), False, names[0])
    elif len(names) == 1:
        return MetaTarget(f"{front}/{quote_raw(written[0])}", names[0], "", True)
    elif len(names) in (2, 3) and names[1] == "v":
        href = "/".join([front, *map(quote_raw, written[:2])])
        return MetaTarget(href, names[0], "".join(names[2:]), False)
    raise NotFound("there is nothing at this address")


class Meta(Beside):
    """The handler of everything under `PREFIXES`."""

    def __init__(self, files: DavHandler, versions: Versions, authenticate: Authenticate, challenges: Challenges) -> None:
        verbs = {
            "PROPFIND": self._propfind,
            "GET": self._get,
            "HEAD": self._get,
            "COPY": self._restore,
            "MOVE": self._restore,
        }
        super().__init__(authenticate, challenges, verbs)
        self._files = files
        self._dav = files.dav
        self._versions = versions

    async def _find(self, actor: Actor, target: MetaTarget) -> tuple[Place, Node]:
        """Where the file is. Raises `NotFound`, also for what the actor may not know of."""
        space, mark, _ = target.id.partition("!")
        if target.user not in ("", actor.id):
            raise Forbidden(f"these are not {actor.id}'s files")
        try:
            place = await self._dav.namespace.in_space(actor, space, ROOT)
            if mark:
                place = await self._dav.tree.find(place, target.id)
            return place, await self._dav.tree.stat(place)
        except (NotFound, Forbidden):
            raise NotFound("there is no file with this id") from None

    async def _propfind(self, request: Request, actor: Actor) -> Response:
        target = target_of(request)
        wanted, depth = await asked(request, self._files)
        place, node = await self._find(actor, target)
        if target.is_file:
            entries = [_itself(target, place, node)]
            if depth is not Depth.ZERO and not node.is_folder:
                entries.append((f"{target.href}/v/", {(DAV, "resourcetype"): "<d:collection/>"}))
            return shown(wanted, entries)
        try:
            found = await self._versions.list(place)
        except IsAFolder:
            raise NotFound("folders have no versions") from None
        if target.key:
            found = [version for version in found if version.key == target.key]
            if not found:
                raise NotFound("there is no such version")
            return shown(wanted, [_entry(target, place, node, version) for version in found])
        whole: Entry = (f"{target.href}/", {(DAV, "resourcetype"): "<d:collection/>", (DAV, "getcontenttype"): FOLDER})
        if depth is Depth.ZERO:
            return shown(wanted, [whole])
        return shown(wanted, [whole, *(_entry(target, place, node, version) for version in found)])

    async def _get(self, request: Request, actor: Actor) -> Response:
        target = target_of(request)
        if not target.key:
            raise Refused(405, "this can only be listed, with PROPFIND", allow="OPTIONS, PROPFIND")
        place, node = await self._find(actor, target)
        try:
            version = next(one for one in await self._versions.list(place) if one.key == target.key)
        except (StopIteration, IsAFolder):
            raise NotFound("there is no such version") from None
        fields = asked_preview(request)
        reader = await self._versions.open(place, target.key)
        reader.node = reader.node._replace(name=node.name, etag=version.etag, id=node.id, checksums="")
        if fields is not None:
            return await respond(self._dav.previews, request, fields, reader)
        try:
            response = answer(request, reader, self._dav.now())
        except BaseException:
            await reader.close()
            raise
        response.close = reader.close
        return response

    async def _restore(self, request: Request, actor: Actor) -> Response:
        """204. By MOVE only where Nextcloud has it so."""
        target = target_of(request)
        if not target.key or (request.verb == "MOVE") is not bool(target.user):
            raise Refused(405, f"{request.verb} is not possible here", allow="OPTIONS, PROPFIND, GET, HEAD, COPY")
        place, node = await self._find(actor, target)
        value = request.header("destination")
        if value is None:
            raise InvalidRequest("a Destination header is needed")
        if target.user:
            if not any(urlsplit(value).path.startswith(f"{front}/{quote(target.user)}/restore/") for front in NEXTCLOUD):
                raise Refused(409, "a version can only be restored")
        else:
            place = await self._meant(request, actor, value, place, node)
        address = Address(target.href, Realm.SPACE, place.space.id, place.path, False)
        tokens, guard = await terms(self._dav, request, actor, address, place)
        if guard is not None:
            guard(await self._dav.tree.stat(place))
        return Response(204, identity_of(await self._versions.restore(actor, place, target.key, tokens=tokens)))

    async def _meant(self, request: Request, actor: Actor, value: str, place: Place, node: Node) -> Place:
        """The file that a Destination means, which must be the one at `place`, or in it if that is a folder: of that one the
        library of ownCloud Web 12 gives the id. Raises `Refused`.

        The same library puts the path of the space's tree behind that of the users': ``/dav/files/spaces/SPACE/PATH``, earlier
        ones behind that of the user: ``/dav/files/USER/spaces/SPACE/PATH``.
        """
        address = parse_url(value, hosts(request))
        written = [address]
        if address.realm is Realm.USER:
            for path in (address.path, f"{address.owner}/{address.path}"):
                if path.startswith(("spaces/", "files/")):
                    written.append(parse_url(f"/dav/{quote(path)}", None))
        for one in written:
            try:
                there = await self._dav.place(actor, one)
            except ClawgateError:
                continue
            own = parent(there.path) if node.is_folder and there.path else there.path
            if there.space.id == place.space.id and own == place.path:
                return there
        raise Refused(409, "a version can only become the content of its own file")


def _itself(target: MetaTarget, place: Place, node: Node) -> Entry:
    facts = {
        (DAV, "resourcetype"): "<d:collection/>",
        (OC, "meta-path-for-user"): escape(f"/{place.path}"),
        (OC, "id"): escape(node.id),
        (OC, "fileid"): escape(node.id),
        (OC, "spaceid"): escape(place.space.id),
        (OC, "name"): escape(node.name),
    }
    return f"{target.href}/", facts


def _entry(target: MetaTarget, place: Place, node: Node, version: Version) -> Entry:
    facts = {
        (DAV, "resourcetype"): "",
        (DAV, "getcontentlength"): str(version.size),
        (DAV, "getlastmodified"): http_date(version.mtime_ns // 1_000_000_000),
        (DAV, "getetag"): f'"{escape(version.etag)}"',
        (DAV, "getcontenttype"): escape(content_type(node.name)),
        (OC, "size"): str(version.size),
        (OC, "fileid"): escape(node.id),
        (NC, "has-preview"): "false",
    }
    return f"{target.href}/{quote(version.key)}", facts
