"""POST: a new upload, with or without its first bytes (Creation, Creation With Upload, Concatenation)."""

from __future__ import annotations

from contextlib import suppress

import attrs

from ...errors import ChecksumMismatch, ClawgateError, Disconnected, InvalidRequest, PieceMismatch, TooLarge, UploadGone
from ...gateway.uploads.sessions import Publication, Uploads
from ...interfaces import Body
from ...model.content import Checksum, Intent, Written
from ...model.path import ROOT, Path
from ...model.people import Actor
from ...model.space import Place
from ...model.upload import Upload
from ...web.request import Request
from ...web.response import Response
from ..webdav.address import Address
from ..webdav.dav import FILES, Dav
from ..webdav.errors import Refused
from ..webdav.transfer_headers import Headers, mtime_of
from .answers import failed, location, outcome, standing
from .conditions import terms_of
from .content import Verifier, limited
from .fields import check_version, concat
from .note import Note
from .offer import Offer
from .order import Order

DIALECT = "tus"


class Creation:
    """Takes the POSTs on collections, wherever they are addressed."""

    def __init__(self, uploads: Uploads, verifier: Verifier, offer: Offer) -> None:
        self._uploads = uploads
        self._verifier = verifier
        self.offer = offer

    async def __call__(self, dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
        """The answer to a POST on the collection at `address`. Raises only `Disconnected` and what nobody foresaw."""
        try:
            if request.header("tus-resumable") is None:
                raise Refused(405, "files are written with PUT; a POST needs Tus-Resumable", allow=FILES)
            return await self.create(dav, request, actor, address)
        except Disconnected:
            raise
        except ClawgateError as error:
            return failed(error, address)

    async def create(self, dav: Dav, request: Request, actor: Actor, address: Address) -> Response:
        """201. Raises `ClawgateError`."""
        check_version(request.header, "POST")
        order = Order.of(request, self.offer.largest)
        if order.concat.partial:
            place = attrs.evolve(await dav.place(actor, address), path=ROOT)
            return await self._begin(dav, request, actor, place, order, None)
        path = f"{address.path}/{order.metadata.path}" if address.path else order.metadata.path
        place = await dav.place(actor, attrs.evolve(address, path=Path(path), slash=False))
        publication = await self._publication(dav, request, actor, place, order)
        if order.concat.urls:
            return await self._join(dav, request, order, publication)
        if order.size is not None and request.body.length == order.size:
            return await self._put(dav, request, order, publication)
        return await self._begin(dav, request, actor, place, order, publication)

    async def _publication(self, dav: Dav, request: Request, actor: Actor, place: Place, order: Order) -> Publication:
        supported = await _supported(dav, place)
        mtime = order.metadata.mtime_ns if order.note.dated else mtime_of(request)
        checksums = tuple(found for found in order.metadata.checksums if found.algorithm in supported)
        tokens, guard = await terms_of(dav, request, actor, place, {})
        return Publication(actor, place, Intent(checksums=checksums, mtime_ns=mtime), tokens, guard)

    async def _put(self, dav: Dav, request: Request, order: Order, publication: Publication) -> Response:
        """The whole content is in this request: no session is needed, nobody could continue it before the answer."""
        body: Body = request.body
        own: tuple[Checksum, ...] = ()
        if order.size:
            body, own, _ = self._verifier.content(request, await _supported(dav, publication.place))
        promised = publication.intent.checksums
        intent = attrs.evolve(
            publication.intent, size=order.size, checksums=(*promised, *(found for found in own if found not in promised))
        )
        try:
            upload, done = await self._uploads.put(attrs.evolve(publication, intent=intent), body, DIALECT, order.note.extra())
        except ChecksumMismatch as error:
            if not own:
                raise
            raise PieceMismatch(str(error)) from error
        return await _created(dav, request, upload, done, publication)

    async def _begin(
        self, dav: Dav, request: Request, actor: Actor, place: Place, order: Order, publication: Publication | None
    ) -> Response:
        length, largest = request.body.length, self.offer.largest
        if order.size is not None and (length or 0) > order.size:
            raise TooLarge(f"{order.size} bytes were announced, and there are more")
        content = None
        if length != 0:
            content = self._verifier.content(request, await _supported(dav, place))
            if order.size is None and largest:
                content = content._replace(body=limited(content.body, largest))
        intent = Intent() if publication is None else publication.intent
        upload = await self._uploads.begin(
            actor,
            place,
            DIALECT,
            size=order.size,
            checksums=intent.checksums,
            mtime_ns=intent.mtime_ns,
            extra=order.note.extra(),
            tokens=frozenset() if publication is None else publication.tokens,
            guard=None if publication is None else publication.guard,
        )
        done = None
        if content is not None:
            try:
                upload, done = await self._uploads.append(
                    upload,
                    place.space,
                    0,
                    content.body,
                    length=length,
                    checksums=content.checksums,
                    undivided=content.undivided,
                    publication=publication,
                )
            except Exception:
                # The client has not learned its URL: nobody could continue it. Perhaps it is over already.
                with suppress(UploadGone):
                    await self._uploads.abort(upload, place.space)
                raise
        return await _created(dav, request, upload, done, publication)

    async def _join(self, dav: Dav, request: Request, order: Order, publication: Publication) -> Response:
        """The final upload of a concatenation; its pieces must be complete."""
        keys = order.concat.keys(request.base_url + request.raw_path.decode("latin-1"))
        pieces = [await self._uploads.find(publication.actor, DIALECT, key) for key in keys]
        if not all(concat(Note.of(piece).concat or None).partial for piece in pieces):
            raise InvalidRequest("only partial uploads can be concatenated")
        largest = self.offer.largest
        if largest and sum(piece.offset for piece in pieces) > largest:
            raise TooLarge(f"files may have at most {largest} bytes here")
        upload, done = await self._uploads.join(pieces, publication, DIALECT, order.note.extra())
        return await _created(dav, request, upload, done, publication)


async def _supported(dav: Dav, place: Place) -> tuple[str, ...]:
    return (await dav.tree.abilities(place.space)).checksums


async def _created(dav: Dav, request: Request, upload: Upload, done: Written | None, publication: Publication | None) -> Response:
    headers: Headers = [location(request, upload), *standing(upload)]
    note = Note.of(upload)
    if note.concat:
        headers.append((b"Upload-Concat", note.concat.encode("latin-1")))
    if publication is not None:
        mtime_accepted = publication.intent.mtime_ns is not None
        headers += await outcome(dav.tree, done, publication.place, mtime_accepted=mtime_accepted)
    return Response(201, headers)
