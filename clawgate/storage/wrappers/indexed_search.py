"""Looking for files in the index as an ability of the storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from ...errors import NotFound
from ...index import search
from ...index.space import SpaceIndex
from ...interfaces import Found, Names, Search
from ...model.path import Path


class IndexedSearch(Search):
    """Goes through the rows of a space."""

    def __init__(self, index: SpaceIndex) -> None:
        self._index = index

    async def search(
        self, folder: Path, matches: Callable[[Found], bool], *, names: Names | None = None, deep: bool = True
    ) -> AsyncIterator[Sequence[Found]]:
        """One read of the index a page, so that others come in between."""
        database, index = self._index.database, self._index
        no = await database.read(lambda connection: search.start(connection, index.no, folder))
        if no is None:
            raise NotFound("the folder to search in is not known")
        way = search.Way([(no, folder)], f"{index.id}!", matches, names, deep)
        while way.waiting:
            yield await database.read(lambda connection: search.step(connection, way))
