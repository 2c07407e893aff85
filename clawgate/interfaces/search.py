"""Ability to look for files and folders in whole trees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from ..model.path import Path


class Names(NamedTuple):
    """What names of interest look like, as far as that can be told at once; no more than a help to look quickly."""

    like: str | None
    """Of names in ASCII: a pattern of SQL's LIKE with the escape character ``\\``; case does not matter. None: no such name is of
    interest."""


class Found(NamedTuple):
    """A file or folder as it is known."""

    path: Path
    name: str
    folder: bool
    size: int
    mtime_ns: int
    id: str
    """The full id."""


class Search(ABC):
    """Ability: what is known of a tree can be gone through without asking the storage for it."""

    @abstractmethod
    def search(
        self, folder: Path, matches: Callable[[Found], bool], *, names: Names | None = None, deep: bool = True
    ) -> AsyncIterator[Sequence[Found]]:
        """What is known directly in `folder`, or anywhere below it (`deep`), and `matches`, in pages, some of them empty: after
        each the caller may stop. `matches` is called in a worker, and only for what `names` allow (None: for all).

        The order is always the same as long as nothing changes. Raises `NotFound` if the folder is not known.
        """
