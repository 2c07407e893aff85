"""Which folders of a space are known. Runs in a database thread."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from ..model.path import Path
from ..state.engine import Connection
from ..state.prepared import Prepared
from . import rows, statements
from .row import Row
from .schema import FOLDERS, GONE, node

_hottest = Prepared(
    select(*statements.COLUMNS)
    .where(node.c.space == bindparam("space"), FOLDERS, node.c.parent != GONE)
    .order_by(node.c.stamp.desc(), node.c.no)
    .limit(bindparam("limit")),
    "space",
    "limit",
)
_page = Prepared(
    select(*statements.COLUMNS)
    .where(node.c.space == bindparam("space"), FOLDERS, node.c.parent != GONE, node.c.no > bindparam("after"))
    .order_by(node.c.no)
    .limit(bindparam("limit")),
    "space",
    "after",
    "limit",
)


def hottest(connection: Connection, space: int, limit: int) -> list[Path]:
    """Folders, those first in which or below which something changed last."""
    paths = [rows.path_of(connection, Row._make(row)) for row in _hottest.all(connection, space, limit)]
    return [Path(path) for path in paths if path is not None]


def page(connection: Connection, space: int, after: int, limit: int) -> tuple[list[Path], int]:
    """Folders with numbers above `after`, in their order, and the last of these numbers; 0: there are no more."""
    found = [Row._make(row) for row in _page.all(connection, space, after, limit)]
    paths = [rows.path_of(connection, row) for row in found]
    return [Path(path) for path in paths if path is not None], found[-1].no if found else 0


def below(connection: Connection, folder: int) -> list[str]:
    """The names of the folders in a folder."""
    return rows.folder_names(connection, folder)
