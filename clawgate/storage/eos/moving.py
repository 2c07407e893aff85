"""Renaming and removing, around what EOS does with names that it takes for patterns and with targets that are folders.

Sources: eos.md sections 4.1 (MOVE nests into folders), 4.1.1 (DELETE takes ``*`` for a pattern).
"""

from __future__ import annotations

import secrets
from contextlib import suppress

from ...errors import AlreadyExists, ClawgateError, Forbidden, InvalidRequest, NotFound, StorageUnavailable
from ...log import make_logger
from ...model.node import Node
from ...model.path import Path, is_within, parent
from .ground import Ground
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
    aside = f"{above}/{GOING}{secrets.token_hex(8)}"
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
            await _exchange(ground, from_full, target)
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
        await _exchange(ground, source, target)


async def _exchange(ground: Ground, source: str, target: Path) -> None:
    """Replace where EOS would move into the target or refuse. What a kill leaves aside the janitor puts back or removes."""
    full = ground.full(target)
    folder, _, label = full.rpartition("/")
    aside = f"{folder}/{ASIDE}{secrets.token_hex(8)}.{label}"
    ground.litter(parent(target))
    ground.instance.busy.add(aside)
    try:
        await _exchanged(ground, source, full, aside)
    finally:
        ground.instance.busy.discard(aside)
    try:
        await discard(ground, aside)
    except ClawgateError as error:
        # Done as far as anybody can see; the janitor looks after the rest.
        log.warn("what was replaced cannot be removed yet: {error}", error=error)


async def _exchanged(ground: Ground, source: str, full: str, aside: str) -> None:
    metadata, who = ground.metadata, ground.who
    await metadata.rename(who, full, aside, replace=False)
    try:
        await metadata.rename(who, source, full, replace=False)
    except ClawgateError as error:
        if not isinstance(error, StorageUnavailable) or await metadata.look(who, full) is None:
            await metadata.rename(who, aside, full, replace=False)
            raise
        if await metadata.look(who, source) is not None:
            raise
