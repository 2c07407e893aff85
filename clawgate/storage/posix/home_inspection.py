"""For ``clawgate check``: whether homes can be found and made as the settings of a mount say. Blocking; changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from stat import S_ISREG, S_ISVTX

from ...model.finding import Finding, Level
from ...settings import Mount
from .home import has_capability

CHOWN, DAC_OVERRIDE, FOWNER = 0, 1, 3
"""Numbers of capabilities (capabilities(7))."""


def inspect(what: str, mount: Mount, above: str, *, ours: bool) -> Iterator[Finding]:
    """What there is to say about the homes of a mount; `above` is the directory that all have in common, `ours`: in the data
    directory, where everything is made."""
    if not os.path.isdir(above):
        if not (ours and mount.create):
            yield Finding(Level.FAILURE, f"{what}: {above}, where homes are, is no directory", "make or mount it")
            return
    elif not os.access(above, os.X_OK):
        yield Finding(
            Level.FAILURE, f"{what}: {above} cannot be passed through", "give the user that the gateway runs as the right to"
        )
    if not mount.create:
        if mount.skeleton or mount.create_owner == "user":
            yield Finding(
                Level.WARNING, f"{what}: skeleton and create_owner are for new homes, and none are made", "set create = true"
            )
        return
    if "user" in (mount.create_owner, mount.act_as):
        yield from _owner(what, mount, above)
    if mount.skeleton:
        yield _skeleton(what, mount)


def _owner(what: str, mount: Mount, above: str) -> Iterator[Finding]:
    if not has_capability(CHOWN):
        yield Finding(
            Level.FAILURE,
            f"{what}: homes cannot be given to people without CAP_CHOWN; this is about the user who runs this command",
            "run it as the gateway runs; AmbientCapabilities=CAP_CHOWN in the systemd unit",
        )
    state = os.stat(above) if os.path.isdir(above) else None
    if state is not None and state.st_mode & S_ISVTX and state.st_uid != os.geteuid() and not has_capability(FOWNER):
        yield Finding(
            Level.FAILURE, f"{what}: {above} is sticky: what is given away there cannot be renamed", f"chmod -t {above}"
        )
    if mount.act_as == "service" and not has_capability(DAC_OVERRIDE) and int(mount.create_mode, 8) & 0o070 != 0o070:
        yield Finding(
            Level.WARNING,
            f"{what}: the gateway works as itself on homes that are others', and create_mode keeps it out",
            "set act_as = 'user', or create_mode = '2770' with a group that the gateway is in",
        )


def _skeleton(what: str, mount: Mount) -> Finding:
    entries = size = 0
    failures: list[OSError] = []
    for folder, folders, files in os.walk(mount.skeleton, onerror=failures.append):
        entries += len(folders) + len(files)
        for name in files:
            path = os.path.join(folder, name)
            try:
                state = os.lstat(path)
                if S_ISREG(state.st_mode):
                    size += state.st_size
                    os.close(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
            except OSError as error:
                failures.append(error)
        if failures or entries > mount.skeleton_entries:
            break
    if failures:
        text = f"{failures[0].filename or mount.skeleton}: {failures[0].strerror}"
        return Finding(
            Level.FAILURE, f"{what}: the skeleton cannot be read: {text}", "let the user that the gateway runs as read it"
        )
    if entries > mount.skeleton_entries or size > mount.skeleton_bytes:
        text = f"{what}: the skeleton {mount.skeleton} has {entries} entries and {size} bytes or more"
        return Finding(Level.FAILURE, text, "make it smaller, or raise skeleton_entries and skeleton_bytes")
    return Finding(Level.OK, f"{what}: new homes begin with the {entries} entries of {mount.skeleton}")
