"""The trash of a bucket that keeps versions: what was removed has a marker above it, and comes back when that goes.

A note says what was removed together (`trash_notes`), because a bucket knows of single objects only. What others delete, and what
was removed for good, has markers too, but no note: it is not in the trash.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence

from ...errors import AlreadyExists, Forbidden, IsAFolder, NotAFolder, NotFound, NotSupported
from ...interfaces import Reader, Trash, Trashed
from ...model.node import Node
from ...model.path import Path, name
from . import former
from .control import Found
from .copying import copy_object
from .facts import from_head
from .former import Kept
from .ground import Ground
from .parallel import each, outside_in
from .reading import S3Reader
from .trash_inside import Inside
from .trash_notes import Note, Notes, Piece
from .trees import Trees


class S3Trash(Trash):
    """See the module."""

    def __init__(self, ground: Ground, trees: Trees) -> None:
        self._ground = ground
        self._trees = trees
        self._notes = Notes(ground)

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """See `Trash.discard`. As for `Storage.remove`, a folder of many files is not gone in one step."""
        await self.put(path, known)

    async def put(self, path: Path, known: Node | None = None) -> str:
        """The same; returns the key."""
        ground = self._ground
        if not path:
            raise Forbidden("the root cannot be removed")
        ground.admit(path)
        node = await ground.node(path)
        place = ground.keys.folder(path) if node.is_folder else ground.keys.key(path)[0]
        async with ground.locks.hold(place):
            id, kept = await (self._of_folder(place) if node.is_folder else self._of_file(place))
            if not kept:
                raise NotSupported(f"{path}: the storage keeps nothing of this")
            note = Note(
                place[len(ground.options.prefix) :],
                path,
                node.is_folder,
                (known.id if known is not None else "") or id,
                max(known.size if known is not None else 0, sum(one.size for one in kept)),
                node.mtime_ns,
                time.time(),
            )
            pieces = {one.key[len(place) :]: piece for one, piece in zip(kept, await self._pieces(kept), strict=True)}
            await self._notes.write(note, pieces)
            try:
                await self._trees.clear(path, node, [Found(one.key, one.etag, one.size, None) for one in kept])
            finally:
                ground.unsettled(path)
        return note.key

    async def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """See `Trash.list`."""
        async for page in self._notes.all():
            yield [note.trashed() for note in page]

    async def find(self, key: str) -> Trashed:
        """See `Trash.find`."""
        return (await self._notes.find(key)).trashed()

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """See `Trash.restore`. Where it was, its markers are taken away; elsewhere the service makes copies. A kill leaves a
        part, and all of it in the trash."""
        ground = self._ground
        note = await self._notes.find(key)
        pieces = await self._notes.pieces(note)
        ground.place(target)
        await ground.see_parent(target)
        try:
            await ground.node(target)
        except NotFound:
            pass
        else:
            if not replace:
                raise AlreadyExists(f"{target}: the name is taken")
            await self.put(target)
        place = ground.keys.folder(target) if note.folder else ground.keys.key(target)[0]
        async with ground.locks.hold(place):
            try:
                await self._bring(note, pieces, place)
            finally:
                ground.unsettled(target)
        await self._notes.forget(note)
        ground.changed(target)
        return await ground.node(target)

    async def purge(self, key: str) -> None:
        """See `Trash.purge`. What is there again, whoever has brought it back, stays."""
        ground = self._ground
        note = await self._notes.find(key)
        pieces = await self._notes.pieces(note)
        place = ground.options.prefix + note.place
        # Whoever brings it back at this moment has done so, or not begun to.
        async with ground.locks.hold(place):
            doomed: list[Kept] = []
            for one, kept in (await self._kept(note)).items():
                piece = pieces.get(one[len(place) :])
                if piece is not None:
                    doomed += await self._doomed(kept, piece.version)
            await former.delete(ground, doomed)
        await self._notes.forget(note)

    async def look(self, key: str, path: Path) -> Node:
        """See `Trash.look`."""
        note = await self._notes.find(key)
        if not path:
            return note.trashed().node
        return (await self._inside(note)).look(path)

    async def inside(self, key: str, path: Path) -> Sequence[Node]:
        """See `Trash.inside`."""
        note = await self._notes.find(key)
        if not note.folder:
            raise NotAFolder("this is not a folder")
        return (await self._inside(note)).children(path)

    async def read(self, key: str, path: Path) -> Reader:
        """See `Trash.read`."""
        note = await self._notes.find(key)
        if (note.folder and not path) or (path and (await self.look(key, path)).is_folder):
            raise IsAFolder("this is a folder")
        rest, piece = (await self._inside(note)).piece(path)
        facts = await former.facts_of(self._ground, self._ground.options.prefix + note.place + rest, piece.version)
        return S3Reader(self._ground.exchange, facts, name(path or Path(note.origin)))

    async def _doomed(self, kept: Sequence[Kept], version: str) -> Sequence[Kept]:
        """What goes with a version that is removed for good: what it replaced, and markers that hide nothing more."""
        mine = next((one for one in kept if one.version == version and not one.marker), None)
        if mine is None or mine.latest:
            return ()
        gone = [mine, *await former.replaced(self._ground, kept, mine)]
        return gone if any(not one.marker and one not in gone for one in kept) else kept

    async def _inside(self, note: Note) -> Inside:
        return Inside(await self._notes.pieces(note), folder=note.folder)

    async def _of_file(self, key: str) -> tuple[str, Sequence[Kept]]:
        answer = await self._ground.control.head(key)
        if answer is None:
            raise NotFound("there is no such file or folder")
        facts, version = self._ground.memory.pinned(from_head(key, answer)), answer.get("VersionId", "null")
        return facts.id, [Kept(key, version, facts.etag, facts.size, answer["LastModified"].timestamp(), False, True)]

    async def _of_folder(self, prefix: str) -> tuple[str, Sequence[Kept]]:
        kept = [one async for page in former.pages(self._ground, prefix) for one in page if one.latest and not one.marker]
        return await self._trees.folder_id(prefix), kept

    async def _pieces(self, kept: Sequence[Kept]) -> Sequence[Piece]:
        """One call for each folder of which the id is not remembered."""

        async def piece(one: Kept) -> Piece:
            id = await self._trees.folder_id(one.key) if one.key.endswith("/") else ""
            return Piece(one.version, one.etag, one.size, one.modified, id)

        return await each(kept, piece, self._ground.options.parallel)

    async def _kept(self, note: Note) -> Mapping[str, Sequence[Kept]]:
        place = self._ground.options.prefix + note.place
        return await former.below(self._ground, place) if note.folder else {place: await former.of_key(self._ground, place)}

    async def _bring(self, note: Note, pieces: Mapping[str, Piece], place: str) -> None:
        ground = self._ground
        was = ground.options.prefix + note.place
        back: list[Kept] = []
        rest = dict(pieces)
        if place == was:
            for key, kept in (await self._kept(note)).items():
                piece = rest.get(key[len(was) :])
                markers = _above(kept, piece.version) if piece is not None else []
                if markers:
                    back += markers
                    del rest[key[len(was) :]]
        made: list[str] = []

        async def copy(end: str) -> None:
            made.append(place + end)
            if (place + end).endswith("/"):
                await ground.mark(place + end, rest[end].id if end else note.id)
                return
            facts = await former.facts_of(ground, was + end, rest[end].version)
            await copy_object(ground, facts, place + end, facts.id if end or not note.id else note.id, facts.own)

        try:
            if note.folder and "" not in pieces:
                made.append(place)
                await ground.mark(place, note.id)
            await outside_in(sorted(rest), copy, ground.options.parallel, lambda end: place + end)
        except BaseException:
            await ground.control.delete(made)
            raise
        await former.delete(ground, back)
        for key in made:
            ground.looks.forget(key.rstrip("/"))
        # So that listings tell of it what they told before.
        await each(sorted({one.key for one in back}), self._remember, ground.options.parallel)

    async def _remember(self, key: str) -> None:
        if key.endswith("/"):
            self._ground.memory.folder(key, await self._trees.folder_id(key))
        else:
            await self._ground.file(key)


def _above(kept: Sequence[Kept], version: str) -> list[Kept]:
    """The markers that hide a version, if nothing else does; none: it has to be copied."""
    mine = next((one for one in kept if one.version == version and not one.marker), None)
    if mine is None or not any(one.latest and one.marker for one in kept):
        return []
    if any(not one.marker and one is not mine and one.modified >= mine.modified for one in kept):
        return []
    return [one for one in kept if one.marker and one.modified >= mine.modified]
