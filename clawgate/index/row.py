"""One node as the index has it."""

from __future__ import annotations

from typing import NamedTuple

from .schema import GONE


class Row(NamedTuple):
    """One row of ``index_node``, in the order of `COLUMNS`."""

    no: int
    parent: int
    name: str
    kind: int
    size: int
    """Folders: the sum of all files below as far as learned."""
    mtime_ns: int
    seen: str
    id: str
    own: str
    etag: str
    """Files only."""
    checksums: str
    stamp: int
    learned: int

    @property
    def gone(self) -> bool:
        """Whether it is not there any more."""
        return self.parent == GONE
