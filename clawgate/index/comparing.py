"""What a scan of a folder and its rows say about each other. Runs in a database thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..model.node import Kind, Node
from .row import Row
from .rows import Known


class Comparison(NamedTuple):
    """What a scan of a folder and its rows say about each other."""

    children: list[Node]
    """All children as clients see them; complete only if nothing differs."""
    changed: list[Node]
    """New nodes, and those whose `seen` is another."""
    vanished: list[str]
    """Names that are gone."""


def compare(known: Known, scanned: Sequence[Node], show: Callable[[Row], Node], prefix: str) -> Comparison:
    """Compare a scan with what is `known`; `show` makes a folder's node, `prefix` comes before the ids of files.

    One pass and one tuple a file: it runs over ten thousand of them while a client waits.
    """
    files = {row[0]: row for row in known.files}
    folders = {row.name: row for row in known.folders}
    children: list[Node] = []
    changed: list[Node] = []
    append, make, file = children.append, tuple.__new__, Kind.FILE
    for node in scanned:
        name, kind, size, _, seen, _, _, _ = node
        if kind is file:
            row = files.get(name)
            # Times have ticks, in which a file can grow after somebody looked.
            if row is not None and row[1] == seen and row[5] == size:
                # The time of the row: where one call tells of a whole folder, it may not tell the times that files were given.
                append(make(Node, (name, kind, size, row[6], seen, prefix + row[2], row[3], row[4])))
                continue
        else:
            folder = folders.get(name)
            if folder is not None and folder.seen == seen:
                append(show(folder))
                continue
        changed.append(node)
    vanished: list[str] = []
    if len(files) + len(folders) != len(children) or changed:
        names = {node.name for node in scanned}
        vanished = [name for name in (*files, *folders) if name not in names]
    return Comparison(children, changed, vanished)
