"""What is told to clients that wait for changes."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Happening(Enum):
    """What happened to a file or folder."""

    CREATED = "created"
    CHANGED = "changed"
    RENAMED = "renamed"
    MOVED = "moved"
    REMOVED = "removed"


class Notice(NamedTuple):
    """One change in a space. Whoever hears of it finds it, and the new etags above it, at once."""

    happening: Happening
    space: str
    id: str
    """Of the node, as in `Node.id`."""
    parent: str
    """Id of the folder that it is in, or was."""
    etag: str
    """The node's own; empty if it is gone."""
    folder: bool
    numbers: tuple[int, ...] = ()
    """In the journal of the space."""
    initiator: str = ""
    """What the program that made the change calls itself; empty: nobody knows, or several had a part in it."""
