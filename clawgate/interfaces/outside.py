"""Abilities that tell of what others than the gateway do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ..model.node import Identity, Node
from ..model.path import Path


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
