"""Which mounts keep what is removed or overwritten, as drivers and capabilities have to know alike."""

from __future__ import annotations

from collections.abc import Mapping

from ..gateway.keeping import Limits
from ..settings import Mount
from ..storage.posix.options import PosixOptions, TrashPlace

TRASH = frozenset({"posix", "memory", "s3", "eos"})
"""Drivers with the ability `Trash`."""
VERSIONS = frozenset({"posix", "memory", "s3", "eos"})
"""Those with `Versions`."""


def keeps_trash(mount: Mount) -> bool:
    """Whether what is removed on this mount can come back."""
    return mount.trash and not mount.read_only and mount.driver in TRASH and _can_keep(mount)


def keeps_versions(mount: Mount) -> bool:
    """Whether what is overwritten on this mount is kept."""
    return mount.versions and not mount.read_only and mount.driver in VERSIONS and _can_keep(mount)


def _can_keep(mount: Mount) -> bool:
    """A bucket keeps nothing unless its owner wants that."""
    return mount.driver != "s3" or mount.s3.versioned


def trash_place(mount: Mount) -> TrashPlace:
    """Where the trash of a POSIX mount lies."""
    return TrashPlace(mount.trash_place) if keeps_trash(mount) else TrashPlace.NONE


def posix_options(mount: Mount, block_bytes: int) -> PosixOptions:
    """How the trees of a POSIX mount are worked on."""
    return PosixOptions(
        symlinks=mount.symlinks,
        durability=mount.durability,
        block_bytes=block_bytes,
        trash=trash_place(mount),
        versions=keeps_versions(mount),
    )


def limits_of(mounts: Mapping[str, Mount]) -> dict[str, Limits]:
    """How long what is kept on each mount stays. EOS sees to its recycle bin and its versions itself."""
    return {
        name: Limits(
            mount.trash_days,
            mount.versions_days,
            mount.kept_free_percent,
            mount.kept_quota_percent,
            # What is in memory is gone with the process.
            mount.kept_idle_hours if mount.driver != "memory" else 0,
        )
        for name, mount in mounts.items()
        if mount.driver != "eos" and (keeps_trash(mount) or keeps_versions(mount))
    }
