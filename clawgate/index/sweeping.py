"""Deleting what the index need not know any longer, a little at a time: others wait for the database meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Text, bindparam, cast, delete, func, select, update

from ..state.engine import Connection
from ..state.prepared import Prepared
from . import journal
from .schema import FOLDERS, GONE, change, folder_print, freshness, node, scan, space

ROWS = 500
"""Rows in one transaction."""

_gone = Prepared(
    select(node.c.no).where(node.c.parent == GONE, node.c.mtime_ns < bindparam("before")).limit(bindparam("limit")),
    "before",
    "limit",
)
_is_gone = Prepared(select(node.c.no).where(node.c.no == bindparam("row"), node.c.parent == GONE), "row")
_below = select(node.c.no).where(node.c.parent == bindparam("under")).limit(bindparam("limit"))
_orphan_folders = Prepared(
    update(node)
    .where(node.c.no.in_(_below.where(FOLDERS)))
    .values(parent=GONE, name=cast(node.c.no, Text), mtime_ns=0, seen=cast(node.c.parent, Text)),
    "under",
    "limit",
)
_delete_files = Prepared(delete(node).where(node.c.no.in_(_below)), "under", "limit")
_delete = Prepared(delete(node).where(node.c.no == bindparam("row")), "row")
_delete_print = Prepared(delete(folder_print).where(folder_print.c.node == bindparam("row")), "row")
_space = Prepared(select(space.c.no).where(space.c.id == bindparam("place")), "place")
_orphan_root = Prepared(
    update(node)
    .where(node.c.space == bindparam("place"), node.c.parent == 0)
    .values(parent=GONE, name=cast(node.c.no, Text), mtime_ns=0, seen=cast(node.c.parent, Text)),
    "place",
)
_forget_scan = Prepared(delete(scan).where(scan.c.space == bindparam("place")), "place")
_forget_freshness = Prepared(delete(freshness).where(freshness.c.space == bindparam("place")), "place")
_forget_space = Prepared(delete(space).where(space.c.no == bindparam("place")), "place")
_oldest = select(change.c.seq).order_by(change.c.seq).limit(bindparam("limit"))
_last = Prepared(
    select(func.max(change.c.seq)).where(change.c.seq.in_(_oldest), change.c.at < bindparam("before")), "limit", "before"
)
_forget = Prepared(delete(change).where(change.c.seq.in_(_oldest), change.c.at < bindparam("before")), "limit", "before")


def forget_space(connection: Connection, id: str) -> None:
    """Let the root of a space be gone, and with it all below; and forget what else is noted of the space."""
    row = _space.one(connection, id)
    if row is not None:
        for statement in (_orphan_root, _forget_scan, _forget_freshness, _forget_space):
            statement.run(connection, row[0])


def gone(connection: Connection, before: int) -> list[int]:
    """Some rows of what vanished before the Unix second `before`, and of what was removed."""
    return [no for (no,) in _gone.all(connection, before * 1_000_000_000, ROWS)]


def sweep(connection: Connection, numbers: Sequence[int]) -> int:
    """Delete those of `numbers` that are gone (still: `gone` was asked before), with the files in them; sub-folders are next.
    Returns how many are done: the others come in the next transaction.
    """
    left = ROWS
    for done, no in enumerate(numbers):
        if _is_gone.one(connection, no) is None:
            continue
        left -= _orphan_folders.run(connection, no, left) if left > 0 else 0
        left -= _delete_files.run(connection, no, left) if left > 0 else 0
        if left <= 0:
            return done
        _delete.run(connection, no)
        _delete_print.run(connection, no)
        left -= 1
    return len(numbers)


def forget_changes(connection: Connection, before: int) -> int:
    """Drop some of what the journal knows from before the Unix second `before`; returns how many changes went."""
    last = _last.one(connection, ROWS, before)
    if last is None or last[0] is None:
        return 0
    journal.forget(connection, int(last[0]))
    return _forget.run(connection, ROWS, before)
