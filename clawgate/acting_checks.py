"""What ``clawgate check`` says of mounts on which people work as themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from stat import S_IMODE

from . import cast
from .errors import Forbidden, SettingsError
from .model.finding import Finding, Level
from .model.people import User
from .settings import Mount
from .storage.posix import shared_staging


def inspect(name: str, mount: Mount, people: Sequence[User], roots: Sequence[str]) -> Iterator[Finding]:
    """Blocks. `people` are those whose ids are looked at, `roots` the directories of theirs that are there."""
    what = f"mounts.{name}"
    try:
        cast.check({name: mount})
    except SettingsError as error:
        yield Finding(Level.FAILURE, str(error), "docs/acting-as-user.md says how to give the gateway what it needs")
    known = 0
    for user in people:
        try:
            cast.persona_of(user, mount)
            known += 1
        except Forbidden as error:
            yield Finding(Level.WARNING, f"{what}: {user.id} cannot work here: {error}", f"see 'clawgate explain {user.id}'")
    if known:
        yield Finding(Level.OK, f"{what}: {known} of {len(people)} people in the file of users can work as themselves")
    if mount.kind == "project" and not mount.read_only:
        for root in roots:
            yield _staging(what, root)


def _staging(what: str, root: str) -> Finding:
    """Whether people can put what is not finished into a tree of several."""
    path = os.path.join(root, os.fsdecode(shared_staging.STAGING))
    remedy = shared_staging.remedy().replace("ROOT", root)
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        if os.access(root, os.W_OK | os.X_OK):
            return Finding(Level.OK, f"{what}: {path} is made when the space is first used")
        return Finding(Level.FAILURE, f"{what}: there is no {path}, and the gateway's user may not make it: no uploads", remedy)
    except OSError as error:
        return Finding(Level.WARNING, f"{what}: {path} cannot be looked at: {error.strerror}", remedy)
    if state.st_uid == os.geteuid():
        return Finding(Level.OK, f"{what}: {path} belongs to the gateway's user, who gives it the mode {shared_staging.MODE:04o}")
    if state.st_uid != 0 or S_IMODE(state.st_mode) & 0o1003 != 0o1003:
        return Finding(
            Level.FAILURE, f"{what}: {path} has the owner {state.st_uid} and the mode {S_IMODE(state.st_mode):04o}", remedy
        )
    return Finding(Level.WARNING, f"{what}: {path} belongs to root: the gateway cannot clear up in it", remedy)
