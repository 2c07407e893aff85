"""A gateway that runs as a user of its own with the capabilities named, as systemd would start it.

What it is made of is read before, as root: Python itself may lie where that user cannot read.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

UID = GID = 3900
PR_SET_KEEPCAPS = 8


def launcher(*capabilities: str):  # type: ignore[no-untyped-def]
    """A `launch.Launcher`."""

    def launch(arguments: list[str], folder: Path, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, __file__, ",".join(capabilities), str(folder), str(log), *arguments]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**os.environ, **environment})

    return launch


def drop(names: str) -> None:
    from clawgate.storage.posix import credentials

    kept = sum(1 << credentials.NEEDED[name] for name in names.split(",") if name)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0
    os.setgroups([])
    os.setresgid(GID, GID, GID)
    os.setresuid(UID, UID, UID)
    credentials.limit(kept, kept)
    assert credentials.capabilities() == (kept, kept)


def main() -> None:
    import encodings

    import nursery
    from twisted.application.service import IServiceMaker

    from twisted import plugin

    nursery.load_everything()
    # twistd looks through all plugins unless it finds them listed.
    list(plugin.getPlugins(IServiceMaker))
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name.startswith(("utf", "idna", "latin", "ascii", "punycode")):
            importlib.import_module(f"encodings.{module.name}")
    names, folder, log, *arguments = sys.argv[1:]
    os.chown(folder, UID, GID)
    drop(names)
    nursery.become(folder, log, arguments)


if __name__ == "__main__":
    main()
