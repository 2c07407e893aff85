"""Going through what is known of a tree, a portion at a time. Everything here runs in a database thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from sqlalchemy import BLOB, bindparam, cast, func, or_, select
from sqlalchemy.sql.base import Executable

from ..interfaces import Found, Names
from ..model.path import Path
from ..state.engine import Connection
from ..state.prepared import Prepared
from . import rows
from .schema import FOLDERS, node

FOLDERS_AT_ONCE = 100
"""Folders in one transaction."""
ROWS_AT_ONCE = 20000
"""Files and folders in one transaction, about."""
CHUNK = 2000
"""Those that one statement reads."""
FOUND_AT_ONCE = 64
"""Matches in one answer: in the reactor's thread somebody looks at each."""
_COLUMNS = (node.c.name, node.c.kind, node.c.size, node.c.mtime_ns, node.c.id)


def _foreign(dialect: str) -> Any:
    """Whether a name has characters beyond ASCII, whose case databases do not know."""
    if dialect == "sqlite":
        return func.length(cast(node.c.name, BLOB)) != func.length(node.c.name)
    return func.octet_length(node.c.name) != func.char_length(node.c.name)


def _statement(dialect: str, *conditions: Any) -> Executable:
    children = select(*_COLUMNS).where(node.c.parent == bindparam("folder"), node.c.name > bindparam("after"), *conditions)
    return children.order_by(node.c.name).limit(CHUNK)


def _like(dialect: str) -> Executable:
    # SQLite's LIKE does not mind the case of ASCII letters.
    like: Any = node.c.name.like if dialect == "sqlite" else node.c.name.ilike
    return _statement(dialect, or_(like(bindparam("pattern"), escape="\\"), _foreign(dialect)))


_all = Prepared(_statement, "folder", "after")
_alike = Prepared(_like, "folder", "after", "pattern")
_others = Prepared(lambda dialect: _statement(dialect, _foreign(dialect)), "folder", "after")
_below = Prepared(
    select(node.c.no, node.c.name).where(node.c.parent == bindparam("folder"), FOLDERS).order_by(node.c.name.desc()), "folder"
)


@attrs.define
class Way:
    """Where a search is."""

    waiting: list[tuple[int, str]]
    """Numbers and paths of folders whose children are looked at next, the next one last."""
    prefix: str
    """Comes before ids."""
    matches: Callable[[Found], bool]
    names: Names | None
    deep: bool
    after: str = ""
    """The last child of the next folder that was read already, if there are more."""
    rest: list[tuple[Any, ...]] = attrs.field(factory=list)
    """Children of the next folder that were read and not looked at, the next one last."""


def step(connection: Connection, way: Way) -> list[Found]:
    """Look on, until enough was seen or found for one time."""
    found: list[Found] = []
    folders = seen = 0
    while way.waiting and folders < FOLDERS_AT_ONCE and seen < ROWS_AT_ONCE:
        no, path = way.waiting[-1]
        front = f"{path}/" if path else ""
        if not way.rest:
            some = _rows(connection, no, way.after, way.names)
            seen += len(some)
            way.after = some[-1][0] if len(some) == CHUNK else ""
            way.rest = some[::-1]
        while way.rest:
            if len(found) == FOUND_AT_ONCE:
                return found
            name, kind, size, mtime_ns, id = way.rest.pop()
            one = Found(Path(front + name), name, kind == 2, size, mtime_ns, way.prefix + id)
            if way.matches(one):
                found.append(one)
        if way.after:
            continue
        folders += 1
        way.waiting.pop()
        if way.deep:
            way.waiting += [(below, front + name) for below, name in _below.all(connection, no)]
    return found


def _rows(connection: Connection, no: int, after: str, names: Names | None) -> list[tuple[Any, ...]]:
    if names is None:
        return _all.all(connection, no, after)
    if names.like is None:
        return _others.all(connection, no, after)
    return _alike.all(connection, no, after, names.like)


def start(connection: Connection, space: int, path: Path) -> int | None:
    """The number of the folder at `path`; None if none is known there."""
    root = rows.root(connection, space)
    if root is None:
        return None
    names = path.split("/") if path else []
    found = rows.walk(connection, root.no, names)
    if len(found) < len(names):
        return None
    last = found[-1] if found else root
    return last.no if last.kind == 2 else None
