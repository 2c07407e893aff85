"""Chunking v1: PUTs of ``NAME-chunking-TRANSFER-COUNT-INDEX`` with ``OC-Chunked`` (clients.md 3.3).

Nobody says when it begins or ends: the first chunk that comes makes the session, the one that completes the set publishes the
file. Nobody can ask what has arrived either. After a break clients go on with a chunk that was not acknowledged, and if that does
not complete the set they send the others again, so that a session may be dropped where it could never be published.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b

import attrs

from ... import settings
from ...errors import AlreadyExists, Forbidden, InvalidRequest, Locked, PreconditionFailed, UploadGone
from ...gateway.uploads.layout import Chunk
from ...gateway.uploads.sessions import Publication, Uploads
from ...model.content import Intent, Written
from ...model.path import join, name, parent
from ...model.people import Actor
from ...model.space import Place
from ...model.upload import Upload
from ...web.request import Request
from ...web.response import Response
from .address import Address
from .chunk_names import V1Name, v1_name
from .dav import Dav
from .foresight import Foresight
from .resent import is_resent
from .terms import Terms, terms
from .transfer_headers import promises_of, total_length_of, written

DIALECT = "v1"


@attrs.frozen
class _Call:
    """One request, understood."""

    dav: Dav
    request: Request
    actor: Actor
    address: Address
    """Of the file."""
    place: Place
    chunk: V1Name
    promised: Intent
    """Of the whole file; its size is None if it was not announced."""

    @property
    def key(self) -> str:
        """The name of the session."""
        text = "\0".join((self.chunk.transfer, str(self.chunk.count), self.place.space.id, self.place.path))
        return blake2b(text.encode(), digest_size=20).hexdigest()

    async def terms(self) -> Terms:
        """Raises what `terms.terms` raises."""
        return await terms(self.dav, self.request, self.actor, self.address, self.place)


class ChunkingV1:
    """Takes the PUTs that carry ``OC-Chunked``, see `Dav.chunked`."""

    def __init__(self, uploads: Uploads, limits: settings.Uploads, foresight: Foresight) -> None:
        self._uploads = uploads
        self._limits = limits
        self._foresight = foresight
        self._publishing: set[str] = set()
        """Ids of the sessions for which a request is at it."""

    async def __call__(self, dav: Dav, request: Request, actor: Actor, address: Address, place: Place) -> Response:
        """201 without etag for a chunk that does not complete the set; for the one that does, the answer of a PUT."""
        chunk = v1_name(name(place.path), self._limits.parts)
        place = attrs.evolve(place, path=join(parent(place.path), chunk.name))
        supported = (await dav.tree.abilities(place.space)).checksums
        promised = promises_of(request, supported, total_length_of(request))
        call = _Call(dav, request, actor, attrs.evolve(address, path=place.path), place, chunk, promised)
        upload, done = await self._session(call)
        if done is not None:
            return await self._repeat(call, upload, done)
        try:
            return await self._put(call, upload)
        except UploadGone:
            # The session was still open a moment ago, so this is its chunk: some of it may have been read already.
            _, done = await self._found(call)
            if done is None:
                raise
            async for _ in request.body:
                pass
            return await self._answer(call, done)

    async def _session(self, call: _Call) -> tuple[Upload, Written | None]:
        """The session that the chunk belongs to, made if there is none. With what became of it if it is finished, and the client
        seems to send again what it had sent."""
        try:
            upload, done = await self._found(call)
        except UploadGone:
            return await self._begin(call), None
        size, mtime = call.promised.size, call.promised.mtime_ns
        if done is not None and (size not in (None, upload.size) or mtime not in (None, upload.mtime_ns)):
            # pyocclient numbers transfers by the second.
            return await self._begin(call), None
        return upload, done

    async def _found(self, call: _Call) -> tuple[Upload, Written | None]:
        """The session that is there, and what became of it. Raises `UploadGone`, also if its file is not there any more."""
        upload = await self._uploads.find(call.actor, DIALECT, call.key)
        if not upload.finished:
            return upload, None
        return upload, await self._uploads.finish(upload, Publication(call.actor, call.place, call.promised))

    async def _begin(self, call: _Call) -> Upload:
        promised = call.promised
        tokens, guard = await call.terms()
        try:
            return await self._uploads.begin(
                call.actor,
                call.place,
                DIALECT,
                call.key,
                size=promised.size,
                checksums=promised.checksums,
                mtime_ns=promised.mtime_ns,
                tokens=tokens,
                guard=guard,
            )
        except AlreadyExists:
            # Chunks come in parallel, also the first ones.
            return await self._uploads.find(call.actor, DIALECT, call.key)

    async def _put(self, call: _Call, upload: Upload) -> Response:
        uploads, space, promised, count = self._uploads, call.place.space, call.promised, call.chunk.count
        if promised.checksums and promised.checksums != upload.checksums:
            # It comes with the chunk of the highest number; another may complete the set.
            upload = await uploads.promise(upload, promised.checksums, promised.mtime_ns or upload.mtime_ns)
        if promised.size is not None:
            upload = await uploads.announce(upload, space, promised.size)
        foreseen = self._foresight.expected(call.actor.id, call.request.header("user-agent"))
        await uploads.put_part(upload, space, _chunk(call), call.request.body, foreseen=foreseen)
        if len(await uploads.parts(upload)) < count or upload.id in self._publishing:
            return Response(201)
        self._publishing.add(upload.id)
        try:
            return await self._publish(call, await uploads.find(call.actor, DIALECT, call.key))
        finally:
            self._publishing.discard(upload.id)

    async def _publish(self, call: _Call, upload: Upload) -> Response:
        """Publish a set that is complete."""
        uploads = self._uploads
        parts = await uploads.parts(upload)
        intent = Intent(
            size=sum(part.stop - part.start for part in parts) if upload.size is None else upload.size,
            checksums=upload.checksums,
            mtime_ns=call.promised.mtime_ns or upload.mtime_ns,
        )
        try:
            tokens, guard = await call.terms()
            done = await uploads.finish(upload, Publication(call.actor, call.place, intent, tokens, guard))
        except (Forbidden, InvalidRequest, PreconditionFailed):
            if len(await uploads.parts(upload)) < call.chunk.count:
                # A chunk was being sent again, and its client broke off: the next one completes the set.
                return Response(201)
            # What is here will never become a file, and the client has no words to end it: who sends a chunk at this moment will
            # come to the same end.
            with suppress(Locked):
                await uploads.abort(upload, call.place.space)
            raise
        announced = [checksum.algorithm for checksum in upload.checksums]
        self._foresight.learn(call.actor.id, call.request.header("user-agent"), announced)
        return await self._answer(call, done)

    async def _repeat(self, call: _Call, upload: Upload, done: Written) -> Response:
        """The answer to a chunk of a set that was published already: the client has not heard of it."""
        if not await is_resent(call.dav.tree, call.place, _chunk(call), call.request.body):
            await self._uploads.abort(upload, call.place.space)
            raise AlreadyExists("a file was uploaded under this transfer number, and this is another one; send all of it again")
        return await self._answer(call, done)

    async def _answer(self, call: _Call, done: Written) -> Response:
        return written(done, await call.dav.tree.shown(call.place), mtime_accepted=call.promised.mtime_ns is not None)


def _chunk(call: _Call) -> Chunk:
    index, last = call.chunk.index, call.chunk.index == call.chunk.count - 1
    length = call.request.body.length
    stride = length
    if last:
        said = (call.request.header("oc-chunk-size") or "").strip()
        stride = int(said) if said.isascii() and said.isdigit() and len(said) < 16 else None
    return Chunk(str(index), length, index=index, last=last, stride=stride)
