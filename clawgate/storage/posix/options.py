"""How one directory tree is served."""

from __future__ import annotations

from enum import Enum

import attrs


class Symlinks(Enum):
    """What symbolic links are to clients."""

    HIDE = "hide"
    """They do not exist."""
    FOLLOW = "follow"
    """What they point to, if a relative link leads to it without leaving the tree; all others do not exist."""
    REFUSE = "refuse"
    """Not listed; access through them is forbidden."""


class Durability(Enum):
    """What has reached the disk when a write returns."""

    NONE = "none"
    """Nothing for certain; a killed process loses nothing, a power cut may."""
    DATA = "data"
    """The content (fdatasync)."""
    FULL = "full"
    """The content, its attributes and its name (fsync of file and directory)."""


class TrashPlace(Enum):
    """Where what is removed is kept aside."""

    NONE = "none"
    """It is not."""
    HIDDEN = "hidden"
    """In the staging folder."""
    HOME = "home"
    """In ``.local/share/Trash`` below the root, as desktops have it in a home directory."""
    TOP = "top"
    """In ``.Trash-UID`` in the root, as desktops have it on other file systems."""

    def way(self, uid: int) -> bytes:
        """The path of a trash of the user `uid` that lies in the tree itself; empty: in the staging folder, or nowhere."""
        if self is TrashPlace.HOME:
            return b".local/share/Trash"
        return b".Trash-%d" % uid if self is TrashPlace.TOP else b""


@attrs.frozen
class PosixOptions:
    """Options of `PosixStorage`."""

    symlinks: Symlinks = attrs.field(default=Symlinks.HIDE, converter=Symlinks)
    durability: Durability = attrs.field(default=Durability.DATA, converter=Durability)
    block_bytes: int = 262144
    """Bytes read or written in one call to a worker."""
    small_bytes: int = 65536
    """Files up to this size are read or written as a whole in one call to a worker."""
    trash: TrashPlace = attrs.field(default=TrashPlace.NONE, converter=TrashPlace)
    versions: bool = False
    """Keep what is overwritten."""
    openat2: bool = True
    """Let the kernel confine paths (Linux 5.6) if it can; False: always walk from directory to directory."""
