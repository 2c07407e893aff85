"""An upload under its own URL: HEAD, PATCH, DELETE (Core Protocol, Requests; Termination)."""

from __future__ import annotations

from ...errors import InvalidRequest, Locked, OffsetMismatch, TooLarge
from ...gateway.uploads.sessions import Publication, Uploads
from ...model.content import Intent
from ...model.path import ROOT
from ...model.people import Actor
from ...model.space import Place
from ...model.upload import Upload
from ...web.request import Request
from ...web.response import Response
from ..webdav.dav import Dav
from ..webdav.errors import Refused
from ..webdav.transfer_headers import mtime_of
from .answers import description, outcome, standing
from .conditions import terms_of
from .content import Content, Verifier, limited
from .creation import DIALECT
from .fields import check_content_type, concat, number
from .note import Note
from .offer import RESUMABLE, Offer


class Resource:
    """All uploads by their ids, which belong to their owners. Every method raises `UploadGone` for an unknown one."""

    def __init__(self, dav: Dav, uploads: Uploads, verifier: Verifier, offer: Offer) -> None:
        self._dav = dav
        self._uploads = uploads
        self._verifier = verifier
        self._offer = offer

    async def head(self, actor: Actor, key: str) -> Response:
        """200: where the upload stands."""
        upload = await self._uploads.find(actor, DIALECT, key)
        place = await self._dav.namespace.in_space(actor, upload.space, ROOT)
        try:
            upload = await self._uploads.settled(upload, place.space)
        except Locked:
            # Somebody is sending to it at this moment: what is known to be safe is a true answer too.
            upload = await self._uploads.find(actor, DIALECT, key)
        return Response(200, description(upload))

    async def delete(self, actor: Actor, key: str) -> Response:
        """204: it is gone, with its bytes; a file that it has become stays. Raises `Locked` while somebody sends to it."""
        upload = await self._uploads.find(actor, DIALECT, key)
        place = await self._dav.namespace.in_space(actor, upload.space, ROOT)
        await self._uploads.abort(upload, place.space)
        return Response(204, [RESUMABLE])

    async def patch(self, request: Request, actor: Actor, key: str) -> Response:
        """204: the piece is safe, and the file in its place if it was the last one. Raises what `Uploads.append` raises."""
        upload = await self._uploads.find(actor, DIALECT, key)
        note = Note.of(upload)
        if concat(note.concat or None).urls:
            raise Refused(403, "an upload that was put together from others cannot be changed")
        check_content_type(request.header)
        offset = number(request.header, "Upload-Offset")
        if offset is None:
            raise InvalidRequest("Upload-Offset must be given")
        place = await self._dav.namespace.in_space(actor, upload.space, upload.path)
        upload = await self._measured(request, upload, place, offset)
        content = await self._content(request, upload, place, offset)
        publication = None
        if upload.path:
            mtime = None if note.dated else mtime_of(request)
            intent = Intent(checksums=upload.checksums, mtime_ns=upload.mtime_ns if mtime is None else mtime)
            tokens, guard = await terms_of(self._dav, request, actor, place, note.conditions)
            publication = Publication(actor, place, intent, tokens, guard)
        upload, done = await self._uploads.append(
            upload,
            place.space,
            offset,
            content.body,
            length=request.body.length,
            checksums=content.checksums,
            undivided=content.undivided,
            publication=publication,
        )
        accepted = publication is not None and publication.intent.mtime_ns is not None
        return Response(204, standing(upload) + await outcome(self._dav.tree, done, place, mtime_accepted=accepted))

    async def _measured(self, request: Request, upload: Upload, place: Place, offset: int) -> Upload:
        """The upload with the length that the request may announce, if it is for the right offset and not for nothing."""
        length, total = request.body.length, number(request.header, "Upload-Length")
        if length != 0 and total is None:
            return upload
        upload = await self._uploads.settled(upload)
        if offset != upload.offset:
            raise OffsetMismatch(f"the upload stands at byte {upload.offset}", upload.offset)
        if total is not None:
            if self._offer.largest and total > self._offer.largest:
                raise TooLarge(f"files may have at most {self._offer.largest} bytes here")
            upload = await self._uploads.announce(upload, place.space, total)
        if length == 0 and upload.size is not None and offset < upload.size:
            # ownCloud's desktop 2.11 would go on with this for ever (clients.md 3.5).
            raise InvalidRequest("a PATCH must have content")
        return upload

    async def _content(self, request: Request, upload: Upload, place: Place, offset: int) -> Content:
        supported = (await self._dav.tree.abilities(place.space)).checksums
        content = self._verifier.content(request, supported)
        if upload.size is None and self._offer.largest:
            room = max(0, self._offer.largest - offset)
            if (request.body.length or 0) > room:
                raise TooLarge(f"files may have at most {self._offer.largest} bytes here")
            content = content._replace(body=limited(content.body, room))
        return content
