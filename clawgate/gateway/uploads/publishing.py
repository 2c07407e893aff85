"""The end of an upload: its content takes its place, and the outcome is remembered for clients that did not hear of it."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

import attrs

from ...errors import ClawgateError, Forbidden, IsAFolder, NotFound, ParentMissing, UploadGone
from ...interfaces import Parts, Storage
from ...log import make_logger
from ...model.content import Intent, Written
from ...model.path import Path, parent
from ...model.people import Actor
from ...model.permissions import Permissions
from ...model.space import Place
from ...model.upload import Upload
from ..quota import check
from ..tree import Guard, Tokens, Tree
from .means import Means

NONE: Tokens = frozenset()

log = make_logger()


@attrs.frozen
class Publication:
    """Where an upload becomes visible, and on what terms."""

    actor: Actor
    place: Place
    intent: Intent
    """Its size is filled in."""
    tokens: Tokens = NONE
    guard: Guard | None = None


class Publisher:
    """Publishes, and keeps the books of what was published."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def admit(self, publication: Publication, storage: Storage) -> int:
        """Refuse now what `Tree.put` and the storage would refuse at the end; returns the bytes that replacing frees."""
        place = publication.place
        tree = self._means.tree
        await tree.admit(publication.actor, place, storage, publication.intent, publication.tokens, publication.guard)
        try:
            there = await storage.stat(place.path)
        except NotFound:
            above = parent(place.path)
            try:
                if (await storage.stat(above)).is_folder:
                    await _need(tree, attrs.evolve(place, path=above), Permissions.CREATE)
                    return 0
            except NotFound:
                pass
            raise ParentMissing(f"{above}: there is no such folder") from None
        if there.is_folder:
            raise IsAFolder(f"{place.path}: this is a folder")
        await _need(tree, place, Permissions.WRITE)
        return there.size

    async def publish(
        self, handle: str, size: int, parts: Parts, storage: Storage, publication: Publication, apart: Collection[str]
    ) -> Written:
        """Put what is behind `handle` in its place; `apart` are the sessions whose reserved bytes these are.

        Raises what `Tree.put` raises; `UploadGone` if nothing is behind `handle`.
        """
        target = publication.place
        tree, quotas = self._means.tree, self._means.quotas
        intent = attrs.evolve(publication.intent, size=size)
        try:
            intent, replaced = await tree.admit(publication.actor, target, storage, intent, publication.tokens, publication.guard)
            check(await quotas.left(target.space, storage, replaced, apart), size)
            return await parts.finish(handle, target.path, intent)
        except ClawgateError:
            # Perhaps it is our own file that is in the way: we were killed between publishing it and noting that.
            done = await parts.published(handle, target.path)
            if done is None:
                raise
            return done

    async def note(self, upload: Upload, path: Path, written: Written) -> Upload:
        """Remember that a session was published; returns it as it stands then.

        The file is in its place, so the client is told so, whether this succeeds or not: if not, whoever asks again is found out
        by `recover` or `publish`.
        """
        node, expires = written.node, self._means.now() + self._means.limits.finished_seconds
        try:
            await self._means.stored.finish(upload, path, node.size, node.etag, expires)
        except ClawgateError as error:
            log.warn("that upload {id} was published could not be noted: {error}", id=upload.id, error=error)
        return attrs.evolve(
            upload, handle="", path=path, size=node.size, offset=node.size, finished=True, result=node.etag, expires=expires
        )

    async def remember(self, publication: Publication, dialect: str, extra: Mapping[str, Any], written: Written) -> Upload:
        """Note the outcome of an upload that needed no session. If that fails the client is told of the file all the same."""
        place, now = publication.place, self._means.now()
        id, size = secrets.token_hex(16), written.node.size
        upload = Upload(
            id=id,
            owner=publication.actor.id,
            space=place.space.id,
            handle="",
            dialect=dialect,
            key=id,
            path=place.path,
            size=size,
            offset=size,
            created=now,
            expires=now + self._means.limits.finished_seconds,
            finished=True,
            result=written.node.etag,
            extra=extra,
        )
        try:
            await self._means.stored.create(upload, now=now)
        except ClawgateError as error:
            log.warn("that {path} was published could not be noted: {error}", path=place.path, error=error)
        return upload

    async def recover(self, upload: Upload, parts: Parts) -> Upload | None:
        """The session, finished, if it was published before that could be noted; None if it was not."""
        done = await parts.published(upload.handle, upload.path) if upload.path else None
        return None if done is None else await self.note(upload, upload.path, done)

    async def again(self, upload: Upload, storage: Storage, publication: Publication) -> Written:
        """The outcome of a session that is finished, as long as it can still be seen. Raises `UploadGone`."""
        if publication.place.path == upload.path:
            try:
                node = await storage.stat(upload.path)
            except NotFound:
                pass
            else:
                # Whoever wrote another version in the meantime must not be taken for us.
                if node.etag == upload.result:
                    return Written(node, True)
        raise UploadGone("this upload is finished")


async def _need(tree: Tree, place: Place, right: Permissions) -> None:
    """Raise `Forbidden` if the storage would refuse at the end what the mount grants."""
    if right in place.permissions and right not in await tree.permitted(place):
        raise Forbidden("the storage does not let you write here")
