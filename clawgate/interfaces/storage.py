"""What one mounted storage can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence

import attrs

from ..model.content import Intent, Written
from ..model.node import Node
from ..model.path import Path
from .abilities import Abilities
from .content import Body, Reader


@attrs.frozen
class Listing:
    """A folder and its direct children."""

    folder: Node
    pages: AsyncIterator[Sequence[Node]]
    """The children in no promised order; an empty folder gives no page or empty ones. An error in the middle: not complete."""
    version: str = ""
    """Equal versions of the same folder have equal `folder` and `pages`; empty: cannot tell."""
    current: Callable[[], bool] | None = None
    """While it returns True the storage vouches that nothing in this listing changed since; None: it cannot tell."""
    place: Path | None = None
    """`current` speaks of whatever folder is at this path, and ends after a while also if nothing changes; None: it speaks of
    this folder, wherever somebody moves it meanwhile."""


class Storage(ABC):
    """What one mounted storage can do for one actor.

    Errors, all methods: `StorageUnavailable`, `StorageTimeout`, `Forbidden`, `Overloaded`, `InvalidRequest` for a name the
    storage cannot hold. Paths that lead through a link out of the storage are `NotFound`.
    """

    abilities: Abilities

    @abstractmethod
    async def stat(self, path: Path) -> Node:
        """The node at `path`. Raises `NotFound`."""

    @abstractmethod
    async def list(self, path: Path) -> Listing:
        """The direct children. Raises `NotFound`, `NotAFolder`."""

    @abstractmethod
    async def read(self, path: Path) -> Reader:
        """Open a file. Raises `NotFound`, `IsAFolder`."""

    @abstractmethod
    async def write(self, path: Path, body: Body, intent: Intent) -> Written:
        """Replace or create a file: all or nothing, visible in one atomic step once size and checksums were verified.

        What can be refused before the body is read is refused before. Raises `ParentMissing`, `IsAFolder`, `LengthMismatch`,
        `ChecksumMismatch`, `PreconditionFailed`, `QuotaExceeded`, and what `body` raises.
        """

    @abstractmethod
    async def make_folder(self, path: Path) -> Node:
        """Create an empty folder. Raises `AlreadyExists`, `ParentMissing`."""

    @abstractmethod
    async def remove(self, path: Path) -> None:
        """Remove a file or a whole folder, gone in one step. Raises `NotFound`."""

    @abstractmethod
    async def move(self, source: Path, target: Path, *, replace: bool) -> Node:
        """Rename; with `replace` what stands at `target` goes in the same step. The node keeps its id and times.

        Raises `NotFound`, `ParentMissing`, `AlreadyExists` (without `replace`), `InvalidRequest` for a folder into itself.
        """
