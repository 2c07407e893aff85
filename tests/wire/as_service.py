"""A gateway that runs as a user of its own with the capabilities named, as systemd would start it.

What it is made of is read before, as root: Python itself may lie where that user cannot read.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path

UID = GID = 3900
PR_SET_KEEPCAPS = 8


def launcher(*capabilities: str):  # type: ignore[no-untyped-def]
    """A `launch.Launcher`."""
    from . import launch

    def start(arguments: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> launch.Running:
        assert not environment
        return launch.nursery().start(arguments, folder, log, capabilities=list(capabilities))

    return start


def drop(folder: str, names: list[str]) -> None:
    """Become that user, who owns `folder`, for good."""
    from clawgate.storage.posix import credentials

    kept = sum(1 << credentials.NEEDED[name] for name in names)
    os.chown(folder, UID, GID)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0
    os.setgroups([])
    os.setresgid(GID, GID, GID)
    os.setresuid(UID, UID, UID)
    credentials.limit(kept, kept)
    assert credentials.capabilities() == (kept, kept)
