"""Renaming and removing, around what EOS does with names that it takes for patterns and with targets that are folders.

Sources: eos.md sections 4.1 (MOVE nests into folders), 4.1.1 (DELETE takes ``*`` for a pattern).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from twisted.internet.defer import CancelledError

from ...errors import AlreadyExists, ClawgateError, Forbidden, InvalidRequest, NotFound, StorageUnavailable
from ...log import make_logger
from ...model.node import Node
from ...model.path import Path, is_within, parent
from .ground import Ground
from .marks import is_late, mark
from .names import ASIDE, DESTINATION_MAX, GOING, check_new, globs
from .recycled import starless

log = make_logger()


async def remove(ground: Ground, path: Path) -> None:
    """See `Storage.remove`. EOS puts it into its recycle bin where the folder says so."""
    if not path:
        raise Forbidden("the root of a space cannot be removed")
    try:
        await discard(ground, ground.full(path))
    finally:
        ground.changed(path)


async def discard(ground: Ground, full: str) -> None:
    """Remove what is at a full path, and nothing else."""
    metadata, who = ground.metadata, ground.who
    if not globs(full):
        await metadata.remove(who, full)
        return
    if globs(ground.root):
        raise Forbidden("nothing can be removed in a space whose own path has an asterisk in it")
    above = full
    while globs(above):
        above = above.rpartition("/")[0]
    aside = f"{above}/{GOING}{mark(time.time())}"
    folder, _, label = full.rpartition("/")
    if folder == above and len(f"{aside}.{starless(label)}".encode()) <= DESTINATION_MAX:
        # For the recycle bin, in which it is known by its name.
        aside = f"{aside}.{starless(label)}"
    await metadata.rename(who, full, aside, replace=False)
    ground.litter(ground.relative(above))
    with suppress(NotFound):
        # Whoever clears up may have been quicker.
        await metadata.remove(who, aside)


async def move(ground: Ground, source: Path, target: Path, *, replace: bool) -> Node:
    """See `Storage.move`. One step, unless a folder replaces or is replaced: then the name is free for a moment."""
    if not source or not target:
        raise InvalidRequest("the root can neither be moved nor replaced")
    check_new(target)
    metadata, who = ground.metadata, ground.who
    from_full, to_full = ground.full(source), ground.full(target)
    there = await metadata.look(who, from_full)
    if there is None:
        raise NotFound(f"{source}: there is no such file or folder")
    if source == target:
        return await ground.node(target)
    if is_within(target, source) or is_within(source, target):
        raise InvalidRequest("a folder can neither go into itself nor replace a folder that holds it")
    old = await metadata.look(who, to_full)
    if old is not None and not replace:
        raise AlreadyExists(f"{target}: the name is taken")
    try:
        if old is None:
            await ground.see_parent(target)
            await metadata.rename(who, from_full, to_full, replace=False)
        elif old.is_folder or there.is_folder:
            await put_in_place(ground, from_full, target)
        else:
            await replace_file(ground, from_full, target)
    finally:
        ground.changed(source, target)
    return await ground.node(target)


async def replace_file(ground: Ground, source: str, target: Path) -> None:
    """Put the file at the full path `source` in the place of another one."""
    full = ground.full(target)
    if ground.metadata.can_replace(source, full):
        await ground.metadata.rename(ground.who, source, full, replace=True)
    else:
        await put_in_place(ground, source, target)


async def exchange(ground: Ground, target: Path, put: Callable[[str], Awaitable[None]]) -> None:
    """Replace what stands at `target` by what `put` puts at the full path that it is given. What stood there has another name
    meanwhile, and is put back if `put` raises and nothing is there; what a kill leaves aside the janitor puts back or removes."""
    full = ground.full(target)
    folder, _, label = full.rpartition("/")
    aside = f"{folder}/{ASIDE}{mark(time.time())}.{label}"
    ground.litter(parent(target))
    ground.instance.busy.add(aside)
    metadata, who, begun = ground.metadata, ground.who, time.monotonic()
    try:
        try:
            await metadata.rename(who, full, aside, replace=False)
        except StorageUnavailable:
            # Only the answer may be lost.
            if await metadata.look(who, aside) is None:
                raise
        try:
            see_in_time(ground, begun)
            await put(full)
        except (ClawgateError, CancelledError):
            if await metadata.look(who, full) is None:
                await metadata.rename(who, aside, full, replace=False)
            raise
    finally:
        ground.instance.busy.discard(aside)
    try:
        await discard(ground, aside)
    except ClawgateError as error:
        # Done as far as anybody can see; the janitor looks after the rest.
        log.warn("what was replaced cannot be removed yet: {error}", error=error)


def see_in_time(ground: Ground, begun: float) -> None:
    """Raise `StorageUnavailable` if another gateway may take what was set aside after `begun`, a time of `time.monotonic`, for
    left behind before the next step is done: EOS would put what comes then into what that one has put back."""
    if is_late(begun, time.monotonic(), ground.options.timeout):
        raise StorageUnavailable("the storage takes too long for replacing something; ask again")


async def put_in_place(ground: Ground, source: str, target: Path) -> None:
    """Replace what stands at `target` by what is at the full path `source`, where EOS would move into it or refuse."""
    metadata, who = ground.metadata, ground.who

    async def put(full: str) -> None:
        try:
            await metadata.rename(who, source, full, replace=False)
        except StorageUnavailable:
            # Only the answer may be lost.
            if await metadata.look(who, full) is None or await metadata.look(who, source) is not None:
                raise

    await exchange(ground, target, put)
