"""What a storage can do beyond the least."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import attrs

from ..model.content import Checksum, Intent, Written
from ..model.node import Identity, Node
from ..model.path import Path
from ..model.permissions import Permissions
from .content import Body
from .history import Trash, Versions
from .journal import Journal
from .outside import Changes, Keepsake, Survey
from .search import Search


class Ids(ABC):
    """Ability: the storage can tell nodes apart by something that survives renames and the loss of the index."""

    @abstractmethod
    async def identify(self, folder: Path, names: Sequence[str]) -> Mapping[str, Identity]:
        """Identities of children (the empty name: of `folder` itself); those that vanished meanwhile are left out."""

    @abstractmethod
    async def pin(self, path: Path, id: str) -> None:
        """Make the node at `path` carry `id` from now on, as well as the storage can keep it."""

    async def names(self, path: Path) -> int:
        """How many names the file at `path` has, at this place and others. Raises `NotFound`."""
        return 1


class Find(ABC):
    """Ability: a node can be found by its id alone."""

    @abstractmethod
    async def find(self, id: str) -> Path:
        """Where the node with this id (as in `Node.id`) is now. Raises `NotFound`."""


class Copy(ABC):
    """Ability: copies made within the storage."""

    @abstractmethod
    async def copy(self, source: Path, target: Path, *, replace: bool, deep: bool = True) -> Node:
        """Copy a file or folder (`deep`: with all below); visible in one step. Errors as `Storage.move`, and `QuotaExceeded`."""


class Room(NamedTuple):
    """Room on a storage, in bytes; None: unknown or unlimited."""

    used: int | None
    available: int | None


class Quota(ABC):
    """Ability: the storage knows how much room there is."""

    @abstractmethod
    async def room(self) -> Room:
        """Bytes used and available to this actor."""


class Times(ABC):
    """Ability: modification times can be set."""

    @abstractmethod
    async def touch(self, path: Path, mtime_ns: int) -> Node:
        """Set the modification time (nanoseconds since 1970). Raises `NotFound`."""


class Piece(NamedTuple):
    """A range of what is behind a handle of `Parts`."""

    handle: str
    start: int
    stop: int


class Parts(ABC):
    """Ability: content that arrives in pieces, each written straight to where it will stay. Handles are opaque text that any
    process may use, also after a restart."""

    @abstractmethod
    async def begin(self, size: int | None) -> str:
        """Start; `size` is the announced total length if known. Returns the handle. Raises `QuotaExceeded`."""

    @abstractmethod
    async def write_at(
        self,
        handle: str,
        offset: int,
        body: Body,
        *,
        alone: bool = False,
        compute: Sequence[str] = (),
        checksums: Sequence[Checksum] = (),
    ) -> int:
        """Write `body` at byte `offset`; returns the bytes written, which are as safe then as those of a finished file.

        With `alone` nobody else may write to the handle meanwhile, in any process; without, others may write elsewhere in it.
        `compute` names algorithms that `finish` will be asked for: they are worked out while bytes come in order. `checksums`
        are those of `body` itself. Raises `UploadGone`, `Locked`, `QuotaExceeded`, `ChecksumMismatch` (what was written then
        does not count), what `body` raises.
        """

    @abstractmethod
    async def assemble(self, pieces: Sequence[Piece]) -> str:
        """A new handle whose content is that of `pieces`, one after the other; they stay as they are. Raises `UploadGone`,
        `QuotaExceeded`, `LengthMismatch` if a piece reaches beyond what was written."""

    @abstractmethod
    async def finish(self, handle: str, path: Path, intent: Intent) -> Written:
        """Verify and publish the first `intent.size` bytes as `Storage.write` does, without copying; the handle is gone then.

        Whatever is raised, the handle and its bytes stay. Raises `UploadGone`, `Locked` while somebody writes, `LengthMismatch`
        if fewer bytes are there.
        """

    @abstractmethod
    async def published(self, handle: str, path: Path) -> Written | None:
        """The outcome of a `finish` that was interrupted after it had published: the file at `path` is what was behind `handle`.
        None if it is not."""

    @abstractmethod
    async def abort(self, handle: str) -> None:
        """Throw the content away; an unknown handle is no error."""


class Rights(ABC):
    """Ability: the storage has an opinion of its own on what this actor may do with a node."""

    @abstractmethod
    async def rights(self, folder: Path, names: Sequence[str]) -> Mapping[str, Permissions]:
        """What would succeed with children (the empty name: with `folder` itself); those that vanished are left out."""


class Janitor(ABC):
    """Ability: leftovers of interrupted work can be found and removed."""

    @abstractmethod
    async def sweep(self, keep: frozenset[str], older_than: float) -> int:
        """Remove what no handle in `keep` names and is older than `older_than` seconds; finish or undo half-done replacements.

        Returns how many leftovers were removed.
        """


@attrs.frozen
class Abilities:
    """What a storage can do beyond `Storage`; None where it cannot. Capabilities on the wire are derived from this."""

    ids: Ids | None = None
    find: Find | None = None
    copy: Copy | None = None
    quota: Quota | None = None
    times: Times | None = None
    parts: Parts | None = None
    janitor: Janitor | None = None
    rights: Rights | None = None
    survey: Survey | None = None
    changes: Changes | None = None
    keepsake: Keepsake | None = None
    trash: Trash | None = None
    versions: Versions | None = None
    journal: Journal | None = None
    search: Search | None = None
    checksums: tuple[str, ...] = ()
    """Algorithms that are verified while content is written."""
    tree_etags: bool = False
    """Whether its nodes come with ids and etags of their own, and folders' etags move with every change below: then no index is
    needed."""
