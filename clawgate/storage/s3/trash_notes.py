"""Notes of what was put into the trash: which versions it consists of, where it was and who it was."""

from __future__ import annotations

import json
import re
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from ...errors import NotFound, StorageBroken
from ...interfaces import Trashed
from ...log import make_logger
from ...model.node import Kind, Node
from ...model.path import Path, name
from .ground import Ground
from .leftovers import read_note
from .parallel import each

log = make_logger()

_KEY = re.compile(r"[0-9a-f]{8,16}-[0-9a-f]{16}")
_REMEMBERED = 10_000
"""Notes that are remembered."""


class Piece(NamedTuple):
    """One version."""

    version: str
    etag: str
    size: int
    modified: float
    id: str = ""
    """Of a folder; there are services that keep no versions of markers."""


class _Unreadable(StorageBroken):
    """A note that is none."""


@attrs.frozen
class Note:
    """One thing in the trash. Written before it is deleted, so that nothing is lost; what it names may be there still."""

    place: str
    """Its key, or what the keys of a folder begin with, without what all keys of the storage begin with."""
    origin: str
    folder: bool
    id: str
    size: int
    mtime_ns: int
    removed: float
    file: Sequence[Any] = ()
    """The `Piece` of a file."""
    token: str = attrs.field(factory=lambda: secrets.token_hex(8))

    @property
    def key(self) -> str:
        """See `Trashed.key`."""
        return f"{int(self.removed * 1000):08x}-{self.token}"

    def trashed(self) -> Trashed:
        """As others see it."""
        kind = Kind.FOLDER if self.folder else Kind.FILE
        node = Node(name(Path(self.origin)), kind, self.size, self.mtime_ns, "", self.id)
        return Trashed(self.key, node, Path(self.origin), self.removed)


class Notes:
    """All of the trash of one storage: objects in its hidden folder."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._known: OrderedDict[str, Note] = OrderedDict()
        self._reported: OrderedDict[str, None] = OrderedDict()

    async def write(self, note: Note, pieces: Mapping[str, Piece]) -> None:
        """Note something down; `pieces` are the versions, by their keys without what is common to them."""
        if note.folder:
            await self._put(self._pieces_key(note.key), pieces)
        else:
            note = attrs.evolve(note, file=tuple(pieces[""]))
        await self._put(self._note_key(note.key), attrs.asdict(note))

    async def find(self, key: str) -> Note:
        """Raises `NotFound`, `StorageBroken` for a note that cannot be read."""
        if _KEY.fullmatch(key) is None:
            raise NotFound("there is nothing like this in the trash")
        noted = await self._get(self._note_key(key))
        try:
            return Note(**noted)
        except TypeError:
            raise self._unreadable(self._note_key(key)) from None

    async def pieces(self, note: Note) -> dict[str, Piece]:
        """The versions that it consists of. Raises `NotFound`."""
        if not note.folder:
            return {"": Piece(*note.file)}
        return {key: Piece(*piece) for key, piece in (await self._get(self._pieces_key(note.key))).items()}

    async def forget(self, note: Note) -> None:
        """It is not in the trash any more."""
        self._known.pop(note.key, None)
        await self._ground.control.delete([self._note_key(note.key)])
        if note.folder:
            await self._ground.control.delete([self._pieces_key(note.key)])

    async def all(self) -> AsyncIterator[Sequence[Note]]:
        """Page by page. One call a page, and one for each that was not asked for before. What cannot be read hides no other."""
        ground, prefix, more, first = self._ground, self._note_key(""), "", True
        while first or more:
            page = await ground.control.page(prefix, more)
            first, more = False, page.more
            keys = [one.key[len(prefix) :] for one in page.objects if _KEY.fullmatch(one.key[len(prefix) :])]
            yield [note for note in await each(keys, self._remembered, ground.options.parallel) if note is not None]

    async def _remembered(self, key: str) -> Note | None:
        note = self._known.get(key)
        if note is None:
            try:
                note = self._known[key] = await self.find(key)
            except (NotFound, _Unreadable):
                return None
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return note

    def _note_key(self, key: str) -> str:
        return self._ground.keys.hidden("trash", key)

    def _pieces_key(self, key: str) -> str:
        return self._ground.keys.hidden("trashed", key)

    async def _put(self, key: str, content: object) -> None:
        body = await self._ground.control.run(lambda: json.dumps(content).encode())
        await self._ground.control.call("put_object", Key=key, Body=body, ContentType="application/json")

    async def _get(self, key: str) -> dict[str, Any]:
        try:
            answer = await self._ground.control.call("get_object", Key=key)
        except NotFound:
            raise NotFound("there is nothing like this in the trash") from None
        found = await self._ground.control.run(lambda: read_note(answer["Body"].read()))
        if found is None:
            raise self._unreadable(key)
        return found

    def _unreadable(self, key: str) -> StorageBroken:
        if key not in self._reported:
            self._reported[key] = None
            log.error("{key}: is no note of the trash that could be read; look at its versions, and remove it", key=key)
            if len(self._reported) > _REMEMBERED:
                self._reported.popitem(last=False)
        return _Unreadable("what the trash notes of this cannot be read")
