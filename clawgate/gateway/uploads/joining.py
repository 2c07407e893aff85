"""Several complete uploads become one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from ...errors import ClawgateError, InvalidRequest, TooLarge
from ...interfaces import Parts, Piece, Storage
from ...model.content import Written
from ...model.space import Place
from ...model.upload import Upload
from ..quota import check
from .layout import END
from .means import Means
from .publishing import Publication, Publisher


class Joining:
    """Puts the contents of sessions together.

    The result is a session whose id follows from its pieces: whoever asks again after a kill finds it, and what it came to.
    """

    def __init__(self, means: Means, publisher: Publisher) -> None:
        self._means = means
        self._publisher = publisher

    async def join(
        self, uploads: Sequence[Upload], publication: Publication, dialect: str, extra: Mapping[str, Any]
    ) -> tuple[Upload, Written]:
        """See `Uploads.join`."""
        target = publication.place
        storage, parts = await self._means.open(target.space)
        ids = list(dict.fromkeys(upload.id for upload in uploads))
        id = _id([upload.id for upload in uploads], target)
        await self._means.writers.clear(*ids, id)
        with self._means.writers.at_work(*ids, id):
            found = {one: await self._means.fresh(one) for one in ids}
            whole = await self._made(id, publication.actor.id, dialect, parts)
            if whole is None:
                _check(found.values(), target)
                pieces = [Piece(found[upload.id].handle, 0, found[upload.id].offset) for upload in uploads]
                whole, written = await self._make(id, pieces, ids, storage, parts, publication, dialect, extra)
            else:
                written = await self._publisher.again(whole, storage, publication)
            for piece in found.values():
                await self._means.drop(piece, parts)
        return whole, written

    async def _made(self, id: str, owner: str, dialect: str, parts: Parts) -> Upload | None:
        """The session with this id if it was published before; what is left of another attempt is thrown away."""
        there = await self._means.stored.find(owner, dialect, id)
        if there is None or there.finished:
            return there
        done = await self._publisher.recover(there, parts)
        if done is None:
            await self._means.discard(there, parts)
        return done

    async def _make(
        self,
        id: str,
        pieces: Sequence[Piece],
        ids: Sequence[str],
        storage: Storage,
        parts: Parts,
        publication: Publication,
        dialect: str,
        extra: Mapping[str, Any],
    ) -> tuple[Upload, Written]:
        target, size = publication.place, sum(piece.stop for piece in pieces)
        if size > END:
            raise TooLarge("no storage holds files of this size")
        replaced = await self._publisher.admit(publication, storage)
        check(await self._means.quotas.left(target.space, storage, replaced, ids), size)
        now = self._means.now()
        whole = Upload(
            id=id,
            owner=publication.actor.id,
            space=target.space.id,
            handle=await parts.assemble(pieces),
            dialect=dialect,
            key=id,
            path=target.path,
            size=size,
            offset=max(0, size - 1),
            created=now,
            expires=self._means.expiry(),
            extra=extra,
            # The pieces have reserved the bytes already.
            frees=size,
        )
        try:
            await self._means.stored.create(whole, now=now)
            written = await self._publisher.publish(whole.handle, size, parts, storage, publication, (*ids, id))
        except ClawgateError:
            await self._means.drop(whole, parts)
            raise
        return await self._publisher.note(whole, target.path, written), written


def _check(pieces: Iterable[Upload], target: Place) -> None:
    for piece in pieces:
        if piece.finished or piece.offset != piece.size:
            raise InvalidRequest(f"the upload {piece.key} is not complete")
        if piece.space != target.space.id:
            raise InvalidRequest(f"the upload {piece.key} was begun in another space")


def _id(pieces: Sequence[str], target: Place) -> str:
    """As hard to guess as the ids of the pieces."""
    text = "\n".join((*pieces, target.space.id, target.path))
    return blake2b(text.encode(), digest_size=16).hexdigest()
