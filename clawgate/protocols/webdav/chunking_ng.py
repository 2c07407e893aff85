"""ownCloud's chunking NG: ``/remote.php/dav/uploads/USER/UPLOAD/CHUNK`` (clients.md 3.4)."""

from __future__ import annotations

from urllib.parse import unquote

import attrs

from ...errors import AlreadyExists, ClawgateError, Disconnected, Forbidden, InvalidRequest, Unauthenticated, UploadGone
from ...gateway.uploads import Uploads
from ...model.content import Intent
from ...model.path import ROOT
from ...model.people import Actor
from ...model.space import Place
from ...model.upload import Part, Upload
from ...web.request import Request
from ...web.response import Response
from .address import parse_url
from .chunk_names import start_of
from .dav import Dav
from .elements import CONTENT_TYPE
from .errors import Refused, render
from .handler import Authenticate, Challenges
from .multistatus import OK, body, propstat, response
from .terms import hosts, terms
from .transfer_headers import checksums_of, mtime_of, total_length_of, written

PREFIXES = ("/remote.php/dav/uploads", "/dav/uploads")
DIALECT = "ng"
FINISHED = ".file"
ALLOW = "OPTIONS, MKCOL, PUT, PROPFIND, MOVE, DELETE"


@attrs.frozen
class _Target:
    href: str
    """The folder of the upload as the client wrote it, without trailing slash."""
    key: str
    name: str
    """Of the chunk; empty for the upload itself."""


class ChunkingNg:
    """The handler of everything under `PREFIXES`."""

    def __init__(self, dav: Dav, uploads: Uploads, authenticate: Authenticate, challenges: Challenges) -> None:
        self._dav = dav
        self._uploads = uploads
        self._authenticate = authenticate
        self._challenges = challenges
        self._verbs = {
            "MKCOL": self._begin,
            "PUT": self._put,
            "PROPFIND": self._show,
            "MOVE": self._finish,
            "DELETE": self._abort,
        }

    async def __call__(self, request: Request) -> Response:
        """The answer to a request; raises only `Disconnected` and what nobody foresaw."""
        if request.verb == "OPTIONS":
            return Response(204, [(b"Allow", ALLOW.encode()), (b"DAV", b"1")])
        try:
            actor = await self._authenticate(request)
            target = _target(request, actor)
            verb = self._verbs.get(request.verb)
            if verb is None:
                raise Refused(405, "this cannot be done with an upload", allow=ALLOW)
            return await verb(request, actor, target)
        except Disconnected:
            raise
        except ClawgateError as error:
            failed = render(error)
            if isinstance(error, Unauthenticated):
                failed.headers += self._challenges(request)
            return failed

    async def _begin(self, request: Request, actor: Actor, target: _Target) -> Response:
        if target.name:
            raise InvalidRequest("an upload has no folders")
        destination = request.header("destination")
        if destination is None:
            place = await self._dav.namespace.home(actor, ROOT)
        else:
            # Nextcloud's second version says at the start where it will end.
            place = await self._dav.place(actor, parse_url(destination, hosts(request)))
        try:
            await self._uploads.begin(actor, place.space, DIALECT, target.key, total_length_of(request))
        except AlreadyExists as error:
            raise Refused(405, "there is already an upload with this name", allow=ALLOW) from error
        return Response(201)

    async def _put(self, request: Request, actor: Actor, target: _Target) -> Response:
        upload, place = await self._find(actor, target)
        if not target.name or target.name == FINISHED:
            raise Refused(405, "content goes into chunks", allow=ALLOW)
        start = start_of(target.name, request.header("oc-chunk-offset"), upload.parts)
        length = request.body.length
        if upload.size is not None and start + (length or 0) > upload.size:
            raise InvalidRequest(f"the chunk reaches beyond the {upload.size} bytes that were announced")
        part = Part(target.name, start, start + (length or 0))
        upload = await self._uploads.write(upload, place.space, part, request.body)
        stop = next(part.stop for part in upload.parts if part.name == target.name)
        return Response(201, [(b"ETag", b'"%d-%d"' % (start, stop)), (b"OC-ETag", b'"%d-%d"' % (start, stop))])

    async def _show(self, request: Request, actor: Actor, target: _Target) -> Response:
        await request.body.read_all(self._dav.settings.xml_bytes)
        upload, _ = await self._find(actor, target)
        responses = []
        if not target.name:
            responses.append(response(f"{target.href}/", [propstat(["<d:resourcetype><d:collection/></d:resourcetype>"], OK)]))
        for part in sorted(upload.parts, key=lambda part: part.start):
            if target.name == part.name or (not target.name and request.header("depth") != "0"):
                length = f"<d:getcontentlength>{part.stop - part.start}</d:getcontentlength>"
                responses.append(response(f"{target.href}/{part.name}", [propstat(["<d:resourcetype/>", length], OK)]))
        if not responses:
            raise UploadGone("there is no such chunk")
        return Response(207, [CONTENT_TYPE], body(responses))

    async def _finish(self, request: Request, actor: Actor, target: _Target) -> Response:
        if target.name != FINISHED:
            raise Refused(405, f"only {FINISHED} can be moved", allow=ALLOW)
        destination = request.header("destination")
        if destination is None:
            raise InvalidRequest("a Destination header is needed")
        address = parse_url(destination, hosts(request))
        place = await self._dav.place(actor, address)
        upload, _ = await self._find(actor, target)
        total = total_length_of(request)
        supported = (await self._dav.tree.abilities(place.space)).checksums
        checksums = tuple(c for c in checksums_of(request.header("oc-checksum")) if c.algorithm in supported)
        intent = Intent(size=upload.size if total is None else total, checksums=checksums, mtime_ns=mtime_of(request))
        tokens, guard = await terms(self._dav, request, actor, address, place)
        done = await self._uploads.finish(actor, upload, place, intent, tokens=tokens, guard=guard)
        return written(done, place.permissions, mtime_accepted=intent.mtime_ns is not None)

    async def _abort(self, request: Request, actor: Actor, target: _Target) -> Response:
        if target.name:
            raise Refused(405, "chunks go with their upload", allow=ALLOW)
        upload, place = await self._find(actor, target)
        await self._uploads.abort(upload, place.space)
        return Response(204)

    async def _find(self, actor: Actor, target: _Target) -> tuple[Upload, Place]:
        if not target.key:
            raise Refused(405, "only single uploads can be addressed", allow="OPTIONS")
        upload = await self._uploads.find(actor, DIALECT, target.key)
        return upload, await self._dav.namespace.in_space(actor, upload.space, ROOT)


def _target(request: Request, actor: Actor) -> _Target:
    """Raises `Forbidden` for uploads of others, `InvalidRequest`."""
    path = request.raw_path.decode("latin-1")
    front = next(prefix for prefix in PREFIXES if path.startswith(prefix))
    try:
        names = [unquote(part, errors="strict") for part in path[len(front) :].strip("/").split("/")]
    except UnicodeDecodeError:
        raise InvalidRequest("the path is not UTF-8") from None
    if len(names) > 3 or not all(names) or any("/" in name for name in names):
        raise InvalidRequest("the path must be USER/UPLOAD/CHUNK")
    if names[0] != actor.id:
        raise Forbidden(f"these are not {actor.id}'s uploads")
    names += [""] * (3 - len(names))
    href = "/".join(path.rstrip("/").split("/")[: front.count("/") + 3])
    return _Target(href, names[1], names[2])
