"""Checking the index of a space against its storage, and making it anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from ..interfaces import Storage
from ..model.node import Node
from ..model.path import ROOT, Path, join
from ..state.engine import Connection, Database
from . import rows
from .row import Row

Progress = Callable[[int, int], None]
"""Called now and then with the folders and nodes done so far."""


@attrs.frozen
class Finding:
    """One disagreement."""

    path: Path
    text: str


async def spaces(database: Database) -> list[str]:
    """The ids of all spaces that were ever seen."""
    return await database.read(rows.space_ids)


async def verify(database: Database, storage: Storage, space_id: str, progress: Progress) -> list[Finding]:
    """Compare every folder that the index has learned with the storage, and the sums within the index. Changes nothing."""
    no = await database.read(lambda connection: rows.space_no_of(connection, space_id))
    root = None if no is None else await database.read(lambda connection: rows.root(connection, no))
    if root is None:
        return []
    checking = _Checking(database, storage, progress)
    await checking.folder(ROOT, root)
    return checking.findings


class _Checking:
    def __init__(self, database: Database, storage: Storage, progress: Progress) -> None:
        self.database = database
        self.storage = storage
        self.progress = progress
        self.findings: list[Finding] = []
        self.folders = 0
        self.nodes = 0

    async def folder(self, path: Path, row: Row) -> int:
        """Check a folder and all below it; returns the bytes below according to the rows."""
        known = await self.database.read(lambda connection: rows.children(connection, row.no))
        self.folders += 1
        self.nodes += len(known)
        self.progress(self.folders, self.nodes)
        if row.learned:
            scanned = [node async for page in (await self.storage.list(path)).pages for node in page]
            self.compare(path, known, scanned)
        total = 0
        for child in known:
            below = child.size
            if child.kind == 2:
                if child.stamp > row.stamp:
                    self.add(join(path, child.name), "was changed later than the folder that holds it")
                below = await self.folder(join(path, child.name), child)
            total += below
        if total != row.size:
            self.add(path, f"its size is {row.size} in the index, the files below sum up to {total}")
        return row.size

    def compare(self, path: Path, known: list[Row], scanned: list[Node]) -> None:
        rows_by_name = {row.name: row for row in known}
        for node in scanned:
            row = rows_by_name.pop(node.name, None)
            if row is None:
                self.add(join(path, node.name), "is not in the index")
            elif row.kind != node.kind:
                self.add(join(path, node.name), "is a file here and a folder there")
            elif not node.is_folder and not _agree(row, node):
                self.add(join(path, node.name), "has another size or time than in the index")
        for name in rows_by_name:
            self.add(join(path, name), "is in the index only")

    def add(self, path: Path, text: str) -> None:
        self.findings.append(Finding(path, text))


def _agree(row: Row, node: Node) -> bool:
    # Where the storage has etags of its own, its listings need not tell the times that files were given.
    return row.size == node.size and (row.seen == node.seen if node.etag else row.mtime_ns == node.mtime_ns)


async def rebuild(
    database: Database,
    space_id: str,
    scan: Callable[[Path], Awaitable[object]],
    unlearned: Callable[[int], Awaitable[list[Path]]],
    progress: Progress,
) -> None:
    """Forget what the index knows of a space and learn it anew from the storage.

    `scan` enters one folder (`Observer.scan`), `unlearned` names folders still to do (`SpaceIndex.unlearned`). Nobody else may
    use the index meanwhile. File etags and ids come out as they were; folder etags change once, because stamps start anew.
    """

    def drop(connection: Connection) -> None:
        no = rows.space_no_of(connection, space_id)
        if no is not None:
            rows.drop_space(connection, no)

    await database.write(drop)
    folders = 0
    todo: list[Path] = [ROOT]
    while todo:
        for path in todo:
            await scan(path)
            folders += 1
            progress(folders, 0)
        todo = await unlearned(100)
