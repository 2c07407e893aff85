"""What is done with EOS's own command for bringing something back from its recycle bin, which puts it to where it was."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...errors import ClawgateError, Forbidden, Overloaded, ParentMissing, StorageBroken, StorageUnavailable
from ...log import make_logger
from ...model.path import Path
from .ground import Ground
from .marks import mark
from .moving import put_in_place, see_in_time
from .names import HELD

log = make_logger()


async def bring(ground: Ground, key: str, place: str) -> None:
    """Let EOS put what has this key to where it was, the full path `place`; believed when it is there."""
    try:
        await ground.metadata.bring_back(ground.who, key)
    except (StorageUnavailable, StorageBroken, Overloaded) as error:
        # It may have done it all the same.
        if not await _is_back(ground, key, place):
            raise
        log.warn("the recycle bin has failed to say that something is back: {error}", error=error)
    else:
        if not await _is_back(ground, key, place):
            raise StorageBroken("the storage says that it is back, and it is not there")


async def _is_back(ground: Ground, key: str, place: str) -> bool:
    found = await ground.metadata.recycled(ground.who, key)
    return found is not None and found.path == place


async def bring_elsewhere(ground: Ground, key: str, place: str, target: Path, *, taken: bool) -> None:
    """The same, and on to `target`, where something may stand that is to be replaced (`taken`). What stands where it was makes
    room meanwhile."""
    metadata, who = ground.metadata, ground.who
    made = await _make_way(ground, place)
    folder, _, label = place.rpartition("/")
    held = f"{folder}/{HELD}{mark(time.time())}.{label}"
    # What had to be renamed to be removed comes back under a name that looks left behind.
    ground.instance.busy.update((held, place))
    begun = time.monotonic()
    try:
        stands = await metadata.look(who, place) is not None
        if stands:
            ground.litter(ground.relative(folder))
            await metadata.rename(who, place, held, replace=False)
        try:
            see_in_time(ground, begun)
            await bring(ground, key, place)
            see_in_time(ground, begun)
            if taken:
                await put_in_place(ground, place, target)
            else:
                await metadata.rename(who, place, ground.full(target), replace=False)
        finally:
            if stands and await metadata.look(who, place) is None:
                await metadata.rename(who, held, place, replace=False)
    finally:
        ground.instance.busy.difference_update((held, place))
        await _unmake(ground, made)


async def _make_way(ground: Ground, place: str) -> Sequence[str]:
    """Make the folders that it was in, which EOS wants; those that were made."""
    missing = []
    folder = place.rpartition("/")[0]
    while (found := await ground.metadata.look(ground.who, folder)) is None:
        missing.append(folder)
        folder = folder.rpartition("/")[0]
        if not folder.startswith(ground.root):
            raise Forbidden("it was in a folder outside of this space")
    if not found.is_folder:
        raise ParentMissing("where it was is a file now")
    made: list[str] = []
    try:
        for one in reversed(missing):
            await ground.metadata.make_folder(ground.who, one)
            made.append(one)
    except ClawgateError:
        await _unmake(ground, made)
        raise
    return made


async def _unmake(ground: Ground, made: Sequence[str]) -> None:
    for one in reversed(made):
        try:
            await ground.metadata.remove_empty(ground.who, one)
        except ClawgateError as error:
            log.debug("a folder made to bring something back stays: {error}", error=error)
