"""The last step of an upload in pieces: the hidden file takes its place, and with it what hangs on the file that it replaces."""

from __future__ import annotations

import time
from contextlib import suppress

from ...errors import (
    AlreadyExists,
    ClawgateError,
    Forbidden,
    InvalidRequest,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StorageBroken,
)
from ...log import make_logger
from ...model.content import Intent, Target
from ...model.path import Path, name, parent
from .ground import Ground
from .marks import is_staged
from .moving import discard, replace_file
from .names import PARTS, TARGET, versions_of
from .writing import look

log = make_logger()


async def place(ground: Ground, path: Path, intent: Intent, hidden: str, inode: int) -> bool:
    """Rename the file at the full path `hidden`, which has this inode, to `path`; returns whether it has the attributes of the
    file that it replaced now. Raises as `Parts.finish`; it is where it was then."""
    metadata, who, full = ground.metadata, ground.who, ground.full(path)
    if await look(ground, path, intent) is None:
        if ground.options.stable_ids:
            # Beside an upload in the folder for uploads it would get the attributes of that.
            await ground.stable_id(full if is_staged(_token(hidden)) else hidden)
        try:
            await metadata.rename(who, hidden, full, replace=False)
            return False
        except AlreadyExists:
            if intent.expected is Target.NOTHING:
                raise PreconditionFailed(f"{path}: the name is taken") from None
            await look(ground, path, intent)
    versioned = await metadata.keeps_versions(who, ground.full(parent(path)))
    if versioned and await _as_version(ground, full, hidden, inode):
        try:
            await metadata.thin_out(who, full)
        except ClawgateError as error:
            log.debug("versions are not thinned out: {error}", error=error)
        return True
    await _take_versions(ground, path, full, hidden, copied=versioned)
    try:
        await replace_file(ground, hidden, path)
    except BaseException:
        await _give_back(ground, full, hidden)
        raise
    return False


def waits(path: str, hidden: str) -> bool:
    """Whether the full `path` is that of the upload `hidden` among the versions of the file that it is about to replace. It looks
    like the newest of them to EOS, and like none to us."""
    return path.rpartition("/")[2].partition(".")[2] == _token(hidden)


def _token(hidden: str) -> str:
    return hidden.rpartition("/")[2].removeprefix(PARTS)


async def _as_version(ground: Ground, full: str, hidden: str, inode: int) -> bool:
    """Put it among the versions of the file, and have EOS bring it back from there: in one command it renames what is there now
    to the versions, and this to its place (eos.md, section 7.5). No content is copied, and a kill of ours tears nothing. False:
    EOS does not let it be put there, and nothing has happened."""
    metadata, who, folder = ground.metadata, ground.who, versions_of(full)
    if await metadata.look(who, versions_of(hidden)) is not None:
        return False
    key = f"{int(time.time())}.{_token(hidden)}"
    try:
        await metadata.make_folder(who, folder)
        await metadata.rename(who, hidden, f"{folder}/{key}", replace=False)
    except (Forbidden, NotSupported, InvalidRequest, StorageBroken):
        if await metadata.look(who, hidden) is None:
            raise
        return False
    try:
        await metadata.restore_version(who, full, key)
    except BaseException as error:
        there = await metadata.describe(who, full) if isinstance(error, ClawgateError) else None
        if there is not None and there.inode == inode:
            # Only the answer was lost.
            return True
        with suppress(NotFound):
            await metadata.rename(who, f"{folder}/{key}", hidden, replace=False)
        raise
    return True


async def give_up(ground: Ground, hidden: str) -> None:
    """Remove an upload in pieces; the versions that it has taken from a file (in a work that was killed) go back to that. Raises
    `NotFound`."""
    metadata, who = ground.metadata, ground.who
    if await metadata.look(who, versions_of(hidden)) is not None:
        found = await metadata.describe(who, hidden)
        label, _, inode = (found.target if found is not None else "").partition(" ")
        if inode:
            with suppress(NotFound, ValueError):
                folder = await metadata.locate(who, int(inode))
                await _give_back(ground, f"{folder}/{bytes.fromhex(label).decode()}", hidden)
    await discard(ground, hidden)


async def _take_versions(ground: Ground, path: Path, full: str, hidden: str, *, copied: bool) -> None:
    """The version folder goes over to the new file; `copied`: with what is there now as its newest version."""
    metadata, who = ground.metadata, ground.who
    if await metadata.look(who, versions_of(hidden)) is not None:
        # Somebody was killed who had come as far as this; a second folder would be moved into the first.
        return
    if copied:
        await metadata.keep_version(who, full)
    if await metadata.look(who, versions_of(full)) is not None:
        # A kill from now on must not cost them if the upload is given up then.
        folder = await metadata.look(who, ground.full(parent(path)))
        note = f"{name(path).encode().hex()} {folder.inode if folder is not None else 0}"
        await metadata.set_attribute(who, hidden, TARGET, note)
        await metadata.rename(who, versions_of(full), versions_of(hidden), replace=False)


async def _give_back(ground: Ground, full: str, hidden: str) -> None:
    metadata, who = ground.metadata, ground.who
    taken = await metadata.look(who, hidden) is not None and await metadata.look(who, versions_of(hidden)) is not None
    # Not of a file that is gone: it would be its own folder of versions then.
    if taken and await metadata.look(who, full) is not None and await metadata.look(who, versions_of(full)) is None:
        await metadata.rename(who, versions_of(hidden), versions_of(full), replace=False)
