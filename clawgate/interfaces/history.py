"""Abilities that bring back what was removed or overwritten."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from ..errors import NotSupported
from ..model.node import Node
from ..model.path import Path
from .content import Reader


class Trashed(NamedTuple):
    """Something in a trash."""

    key: str
    """Stays the same as long as it is there; of letters, digits, ``.``, ``_``, ``-`` and ``:`` only, at most 200."""
    node: Node
    """What it was when it was removed, with the id it had (as in `Identity.id`); `Node.size` of a folder is that of all below if
    the storage knows."""
    origin: Path
    """Where it was."""
    removed: float
    """When: seconds since 1970."""


class Trash(ABC):
    """Ability: what is removed can be kept aside, and come back. No content is copied for that."""

    @abstractmethod
    async def discard(self, path: Path, known: Node | None = None) -> None:
        """Put a file or a whole folder into the trash: gone from the tree in the same step. Errors as `Storage.remove`, and
        `NotSupported` for what can only be removed for good.

        `known` is what others know of it better than the storage: `Node.id` (as in `Identity.id`) and `Node.size` with all below,
        to be kept with it where that is possible.
        """

    @abstractmethod
    def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """All that this actor put into the trash or may bring back, in pages, in no promised order."""

    @abstractmethod
    async def find(self, key: str) -> Trashed:
        """One of these. Raises `NotFound`."""

    @abstractmethod
    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """Bring something back to `target`, with the id it had. Errors as `Storage.move`; whatever is raised, it is still in the
        trash or already in the tree. With `replace` what stands at `target` goes into the trash itself."""

    @abstractmethod
    async def purge(self, key: str) -> None:
        """Remove something for good, with the former content of all files in it. Raises `NotFound`."""

    async def emptied(self) -> None:
        """Wait until what was purged is deleted as well, so that its room is free. Raises nothing."""
        return

    async def look(self, key: str, path: Path) -> Node:
        """What lies at `path` within something in the trash (the root: itself). Raises `NotFound`, `NotSupported` where the
        inside cannot be looked at."""
        raise NotSupported("this storage does not show what is in trashed folders")

    async def inside(self, key: str, path: Path) -> Sequence[Node]:
        """The children of a folder there. Raises as `look`, and `NotAFolder`."""
        raise NotSupported("this storage does not show what is in trashed folders")

    async def read(self, key: str, path: Path) -> Reader:
        """Open a file there. Raises as `look`, and `IsAFolder`."""
        raise NotSupported("what is in the trash cannot be read on this storage")


class Version(NamedTuple):
    """Former content of a file."""

    key: str
    """Of letters, digits, ``.``, ``_`` and ``-`` only, at most 200."""
    size: int
    mtime_ns: int
    """The modification time that the file had with this content."""
    etag: str = ""
    """Without quotes; changes with the content of the version."""


class Versions(ABC):
    """Ability: content that was overwritten can be had again. The storage keeps it by itself, and thins it out by age.

    What a move or a copy replaces is no former content of what takes its place; it goes into the trash, where there is one.
    """

    @abstractmethod
    async def list(self, path: Path) -> Sequence[Version]:
        """Former content of the file, the newest first. Raises `NotFound`, `IsAFolder`."""

    @abstractmethod
    async def read(self, path: Path, key: str) -> Reader:
        """Open former content. Raises `NotFound`."""

    @abstractmethod
    async def restore(self, path: Path, key: str) -> Node:
        """Make former content the present one in one step; what was present becomes a version, the file keeps its id. Raises
        `NotFound`, `QuotaExceeded`."""

    async def expire(self, before: float) -> int:
        """Remove for good what was overwritten before this time (seconds since 1970); returns the bytes that became free.

        Storages that see to this themselves have nothing to do.
        """
        return 0

    async def used(self) -> int:
        """Bytes held by former content in the whole storage, as far as it is to be counted here."""
        return 0
