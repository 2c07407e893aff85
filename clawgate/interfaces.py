"""The seams: what clawgate asks of a storage, and of those who know people.

A driver implements `Storage` and fills an `Abilities` record with what it has beyond that. A wrapper (``storage/wrappers``)
takes a storage and is one. Whoever needs an ability looks in the record; nobody probes with ``isinstance``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import NamedTuple

import attrs

from .model.content import Checksum, Intent, Written
from .model.node import Identity, Node
from .model.path import Path
from .model.people import Actor, Credentials, User
from .model.permissions import Permissions

Body = AsyncIterator[bytes]
"""Content on its way: chunks of any size, none empty. The consumer's pace is the producer's."""


class FileSlice(NamedTuple):
    """An open descriptor and a range of it, for servers that can send from the kernel (sendfile)."""

    fd: int
    start: int
    stop: int
    version: tuple[int, int] | None = None
    """Size and modification time (ns) of what was opened; None: as they are when the sending begins."""


class Reader(ABC):
    """One opened version of a file: what `node` says and what `stream` gives belong together.

    If the file is changed while it is read so that the promise cannot be kept, `stream` raises `StorageBroken`: the transfer is
    cut, never completed with wrong bytes.
    """

    node: Node
    own: str = ""
    """`Identity.own` of what was opened; empty where the storage has no ids."""

    @abstractmethod
    def stream(self, start: int = 0, stop: int | None = None) -> Body:
        """Bytes from `start` up to (not including) `stop`; None: to the end. May be called several times, one after the other."""

    def slice(self, start: int, stop: int) -> FileSlice | None:
        """The same range as a descriptor, valid until `close`; None if the storage has no descriptors."""
        return None

    @abstractmethod
    async def close(self) -> None:
        """Let go of the file. Must be called exactly once."""


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


class Ids(ABC):
    """Ability: the storage can tell nodes apart by something that survives renames and the loss of the index."""

    @abstractmethod
    async def identify(self, folder: Path, names: Sequence[str]) -> Mapping[str, Identity]:
        """Identities of children (the empty name: of `folder` itself); those that vanished meanwhile are left out."""

    @abstractmethod
    async def pin(self, path: Path, id: str) -> None:
        """Make the node at `path` carry `id` from now on, as well as the storage can keep it."""


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


class Survey(ABC):
    """Ability: many folders can be looked at quickly, to see whether anybody changed something in them."""

    @abstractmethod
    async def survey(self, folders: Sequence[Path]) -> Sequence[Glance | None]:
        """A glance at each of `folders`, in their order; None: there is no such folder, or it cannot be read."""

    @abstractmethod
    async def explore(self, folders: Sequence[Path], entries: int) -> Sequence[Explored | None]:
        """All that is to be known of the children of `folders`, in their order; None as above.

        The answer is shorter than `folders` once it tells of `entries` children, but never empty. The first folder may have more
        children than that; then it comes alone, and their identities are left out.
        """


class Glance(NamedTuple):
    """What one folder looks like."""

    fingerprint: int
    """64 bits over names, sizes and `Node.seen` of all children, the same in every process and from `Survey.survey` and
    `Survey.explore`: another one means that something changed. Signed."""
    folders: Sequence[str]
    """The names of sub-folders, sorted."""
    entries: int
    """How many children there are."""
    below: str = ""
    """A mark that moves with every change anywhere below (CephFS: its recursive ctime); empty: there is none."""


class Explored(NamedTuple):
    """One folder with all that it holds."""

    folder: Node
    children: Sequence[Node]
    identities: Mapping[str, Identity] | None
    """Of the children, by name, without those that vanished meanwhile; None: there are too many to ask for them all at once."""
    glance: Glance


class Hint(NamedTuple):
    """Where somebody may have changed something."""

    folder: Path
    """Where it was a moment ago; if it is not there any more, its own move is hinted, too."""
    name: str = ""
    """The child; empty: the folder itself, or any of the files in it."""
    deep: bool = False
    """The child is a folder that came, went or was replaced: it and all below it is covered no more (see `Changes.cover`) and has
    to be looked at as a whole. Such hints always bear the name."""


class Changes(ABC):
    """Ability: the storage tells by itself of changes, by whomever but this process, whose own changes may be left out."""

    @abstractmethod
    def subscribe(
        self,
        report: Callable[[Sequence[Hint]], None],
        lost: Callable[[], None],
        uncovered: Callable[[Sequence[Path]], None] | None = None,
    ) -> Callable[[], None]:
        """From now on call `report` with every change in covered folders soon after it, `lost` when some may have been missed
        and nothing is covered any more, and `uncovered` with folders that had to make room for those of others (None: `lost`
        stands for that), all in the reactor's thread. Returns what ends that."""

    @abstractmethod
    def cover(self, folders: Sequence[Path]) -> Sequence[Path]:
        """Tell subscribers of changes in `folders` from now on, the most wanted first. What changed before this returned may go
        unheard: look at `folders` afterwards. Asking again for what is covered costs little, and says that it is still wanted.

        Returns those that it cannot tell of (no room, not local, gone), and others of this storage that made room: for these
        somebody must look from time to time. Blocks; for workers. Raises nothing."""


class Keepsake(ABC):
    """Ability: a short text lies beside the files, and goes back in time with them when somebody restores a backup."""

    @abstractmethod
    async def read(self) -> str:
        """The text; empty: there is none."""

    @abstractmethod
    async def renew(self, make: Callable[[str], str]) -> str:
        """Replace the text by what `make` makes of the present one, in one step; it is on the disk when this returns. Returns
        the new one. Raises `Locked` if somebody else is at it, and what `make` raises, which runs in a thread."""


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
    checksums: tuple[str, ...] = ()
    """Algorithms that are verified while content is written."""


class Authenticator(ABC):
    """Knows whether credentials are right."""

    @abstractmethod
    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """The actor; None: these credentials are not mine to judge. Raises `Unauthenticated`: mine, and wrong;
        `TooManyAttempts`; `StorageUnavailable` if the directory cannot be asked."""


class Door(ABC):
    """Lets people in, and looks at where they come from."""

    @abstractmethod
    async def enter(self, credentials: Credentials, address: str) -> Actor | None:
        """As `Authenticator.authenticate`, for a client at `address`: an IP address, or ``unix`` for a local socket."""


class Match(NamedTuple):
    """Somebody found by people who look for people. Too little to decide anything by: for that there is `Directory.find_user`."""

    id: str
    name: str
    """To show; may be empty."""
    mail: str


class Directory(ABC):
    """Knows people. All methods raise `StorageUnavailable` if it cannot be asked."""

    @abstractmethod
    async def find_user(self, id: str) -> User | None:
        """The person with this id, in exactly this spelling."""

    @abstractmethod
    async def search(self, text: str, limit: int) -> Sequence[Match]:
        """Up to `limit` people whose id, name or mail address contains `text`, in any case; nobody if it is blank."""

    async def groups_of(self, id: str) -> frozenset[str]:
        """The groups of the person with this id; none if there is no such person."""
        user = await self.find_user(id)
        return user.groups if user is not None else frozenset()
