"""ownCloud's and Nextcloud's chunking NG: ``/remote.php/dav/uploads/USER/UPLOAD/CHUNK`` (clients.md 3.4).

MKCOL begins an upload, PUT adds chunks to it, PROPFIND tells which have arrived, MOVE of ``.file`` publishes their sum, DELETE
gives it up. Nextcloud's second version says with every request where the file will end (``Destination``).
"""

from __future__ import annotations

import secrets
from contextlib import suppress

from ... import settings
from ...errors import (
    AlreadyExists,
    ChecksumMismatch,
    ClawgateError,
    Disconnected,
    Forbidden,
    InvalidRequest,
    Locked,
    PreconditionFailed,
    TooLarge,
    Unauthenticated,
    UploadGone,
)
from ...gateway.tree import Guard
from ...gateway.uploads.layout import Chunk
from ...gateway.uploads.sessions import Publication, Uploads
from ...model.node import Node
from ...model.path import ROOT
from ...model.people import Actor
from ...model.space import Place
from ...model.upload import Upload
from ...web.request import Request
from ...web.response import Response
from .address import Address, parse_url
from .chunk_list import chunk_list
from .chunk_names import ng_chunk
from .dav import Dav
from .depth import Depth
from .depth import parse as parse_depth
from .elements import CONTENT_TYPE
from .errors import Refused, render
from .foresight import Foresight
from .handler import Authenticate, Challenges
from .requests import propfind
from .terms import Terms, hosts, terms
from .transfer_headers import overwrite_of, promises_of, refuse_part, total_length_of, written
from .upload_target import UploadTarget, target_of
from .verbs.mkcol import refuse_body

DIALECT = "ng"
FINISHED = ".file"
ALLOW = "OPTIONS, MKCOL, PUT, PROPFIND, MOVE, DELETE"
FAR = 2**40
"""Bytes up to which a file is believed to fit if nobody said how long it will be."""
_NO_TERMS = Terms(frozenset(), None)


class ChunkingNg:
    """The handler of everything under `upload_target.PREFIXES`."""

    def __init__(
        self,
        dav: Dav,
        uploads: Uploads,
        limits: settings.Uploads,
        foresight: Foresight,
        authenticate: Authenticate,
        challenges: Challenges,
    ) -> None:
        self._dav = dav
        self._uploads = uploads
        self._limits = limits
        self._foresight = foresight
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
            target = target_of(request, actor)
            verb = self._verbs.get(request.verb)
            if verb is None or not target.key:
                raise Refused(405, "this cannot be done with uploads", allow=ALLOW if target.key else "OPTIONS")
            return await verb(request, actor, target)
        except Disconnected:
            raise
        except ClawgateError as error:
            failed = render(error, _destination(request) if isinstance(error, Locked) and error.root else None)
            if isinstance(error, Unauthenticated):
                failed.headers += self._challenges(request)
            return failed

    async def _begin(self, request: Request, actor: Actor, target: UploadTarget) -> Response:
        if target.name:
            raise Forbidden("an upload has no folders")
        await refuse_body(request)
        address, size = _destination(request), total_length_of(request)
        if address is None:
            place, (tokens, guard) = await self._dav.namespace.home(actor, ROOT), _NO_TERMS
        else:
            place = await self._dav.place(actor, address)
            tokens, guard = await terms(self._dav, request, actor, address, place)
        try:
            await self._uploads.begin(actor, place, DIALECT, target.key, size=size, tokens=tokens, guard=guard)
        except AlreadyExists as error:
            raise Refused(405, "there is already an upload with this name", allow=ALLOW) from error
        return Response(201)

    async def _put(self, request: Request, actor: Actor, target: UploadTarget) -> Response:
        refuse_part(request)
        if not target.name or target.name == FINISHED:
            raise Refused(405, "content goes into chunks", allow=ALLOW)
        upload, place = await self._find(actor, target)
        chunk = ng_chunk(target.name, request.header("oc-chunk-offset"), request.body.length, self._limits.parts)
        total = total_length_of(request)
        if total is not None and request.header("destination") is not None:
            # Nextcloud's web client says the length of the whole with each chunk.
            upload = await self._uploads.announce(upload, place.space, total)
        await self._refuse_far(upload, place, chunk)
        foreseen = self._foresight.expected(actor.id, request.header("user-agent"))
        replaced = await self._uploads.has_part(upload, chunk.name)
        await self._uploads.put_part(upload, place.space, chunk, request.body, foreseen=foreseen)
        etag = f'"{secrets.token_hex(8)}"'.encode()
        return Response(204 if replaced else 201, [(b"ETag", etag), (b"OC-ETag", etag)])

    async def _show(self, request: Request, actor: Actor, target: UploadTarget) -> Response:
        depth = parse_depth(request.header("depth"), Depth.ONE)
        limits = self._dav.settings
        wanted = propfind(await request.body.read_all(limits.xml_bytes), depth=limits.xml_depth)
        upload, _ = await self._find(actor, target)
        parts = await self._uploads.parts(upload)
        if target.name:
            parts = [part for part in parts if part.name == target.name]
            if not parts:
                raise UploadGone("there is no such chunk")
        elif depth is Depth.ZERO:
            parts = []
        return Response(207, [CONTENT_TYPE], chunk_list(wanted, target.href, parts, folder=not target.name))

    async def _finish(self, request: Request, actor: Actor, target: UploadTarget) -> Response:
        if target.name != FINISHED:
            raise Refused(405, f"only {FINISHED} can be moved", allow=ALLOW)
        address = _destination(request)
        if address is None:
            raise InvalidRequest("a Destination header is needed")
        if address.slash:
            raise Refused(405, "a file cannot be written where a folder is addressed", allow=ALLOW)
        upload = await self._uploads.find(actor, DIALECT, target.key)
        place = await self._dav.place(actor, address)
        supported = (await self._dav.tree.abilities(place.space)).checksums
        tokens, guard = _NO_TERMS
        if not upload.finished:
            # What is there once it is finished does not fulfil the conditions under which it was.
            tokens, guard = await terms(self._dav, request, actor, address, place)
            if not overwrite_of(request):
                guard = _and_free(guard)
        intent = promises_of(request, supported, total_length_of(request))
        try:
            done = await self._uploads.finish(upload, Publication(actor, place, intent, tokens, guard))
        except ChecksumMismatch:
            # Nobody knows which chunk is wrong. A client that found them all here again would never send others: who sends one
            # at this moment may go on.
            with suppress(Locked):
                await self._uploads.abort(upload, place.space)
            raise
        announced = [checksum.algorithm for checksum in intent.checksums]
        self._foresight.learn(actor.id, request.header("user-agent"), announced)
        return written(done, await self._dav.tree.shown(place), mtime_accepted=intent.mtime_ns is not None)

    async def _abort(self, request: Request, actor: Actor, target: UploadTarget) -> Response:
        upload, place = await self._find(actor, target)
        if target.name:
            await self._uploads.drop_part(upload, target.name)
        else:
            await self._uploads.abort(upload, place.space)
        return Response(204)

    async def _find(self, actor: Actor, target: UploadTarget) -> tuple[Upload, Place]:
        """An upload that is not finished, and the root of the space it goes to."""
        upload = await self._uploads.find(actor, DIALECT, target.key)
        if upload.finished:
            raise UploadGone("this upload is finished")
        return upload, await self._dav.namespace.in_space(actor, upload.space, ROOT)

    async def _refuse_far(self, upload: Upload, place: Place, chunk: Chunk) -> None:
        """Sparse files take chunks at any distance; what can never be filled is refused at once."""
        stop = (chunk.start or 0) + (chunk.length or 0)
        if upload.size is not None or stop <= FAR:
            return
        available = (await self._dav.tree.room(place)).available
        arrived = sum(part.stop - part.start for part in await self._uploads.parts(upload))
        if available is not None and stop > available + arrived:
            raise TooLarge(f"a file of {stop} bytes does not fit here")


def _destination(request: Request) -> Address | None:
    """Where the file will end, if the client says so. Raises `InvalidRequest`."""
    value = request.header("destination")
    return None if value is None else parse_url(value, hosts(request))


def _and_free(guard: Guard | None) -> Guard:
    def check(node: Node | None) -> None:
        if node is not None:
            raise PreconditionFailed("something with this name is already there")
        if guard is not None:
            guard(node)

    return check
