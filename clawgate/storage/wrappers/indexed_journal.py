"""The index's journal as an ability of the storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...index import journal
from ...index.entry import read_folder_etag
from ...interfaces import Event, Journal, Outdated, Position, Stretch
from ...model.node import Node
from ...model.path import Path, join

if TYPE_CHECKING:
    from .indexed import Indexed


class IndexedJournal(Journal):
    """Reads what the index has written down."""

    def __init__(self, storage: Indexed) -> None:
        self._storage = storage

    def reckoning(self) -> Callable[[Node], Position]:
        """From the etag, which holds the number of the last change below the folder."""
        index = self._storage.index
        mark = index.mark()

        def position(folder: Node) -> Position:
            no, stamp = read_folder_etag(index.epoch, folder.etag)
            return Position(index.epoch, no, max(stamp, mark))

        return position

    async def since(self, folder: Path, position: Position, *, deep: bool, limit: int) -> Stretch:
        """One read of the index; nothing but the number of changes makes it longer."""
        index = self._storage.index
        entry = await self._storage.observer.folder(folder)
        if (position.journal, position.folder) != (index.epoch, entry.no):
            raise Outdated("this is not where the journal of this folder was read")

        window, number = await index.database.read(
            lambda connection: journal.since(connection, index.no, entry.no, position.number, deep=deep, limit=limit)
        )
        events = [
            Event(join(folder, place.path), place.there, place.folder, place.arrived, place.first) for place in window.places
        ]
        return Stretch(events, position._replace(number=number), window.complete)
