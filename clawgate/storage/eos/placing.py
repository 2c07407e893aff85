"""The last step of an upload in pieces: the hidden file takes its place, and with it what hangs on the file that it replaces."""

from __future__ import annotations

from ...errors import AlreadyExists, PreconditionFailed
from ...model.content import Intent, Target
from ...model.path import Path, parent
from .ground import Ground
from .moving import replace_file
from .names import versions_of
from .writing import look


async def place(ground: Ground, path: Path, intent: Intent, hidden: str) -> None:
    """Rename the file at the full path `hidden` to `path`. Raises as `Parts.finish`; it is where it was then."""
    metadata, who, full = ground.metadata, ground.who, ground.full(path)
    if await look(ground, path, intent) is None:
        if ground.options.stable_ids:
            await ground.stable_id(hidden)
        try:
            await metadata.rename(who, hidden, full, replace=False)
            return
        except AlreadyExists:
            if intent.expected is Target.NOTHING:
                raise PreconditionFailed(f"{path}: the name is taken") from None
            await look(ground, path, intent)
    await _take_versions(ground, path, full, hidden)
    try:
        await replace_file(ground, hidden, path)
    except BaseException:
        await _give_back(ground, full, hidden)
        raise


async def _take_versions(ground: Ground, path: Path, full: str, hidden: str) -> None:
    """The version folder, with what is there now as its newest version, goes over to the new file."""
    metadata, who = ground.metadata, ground.who
    if await metadata.look(who, versions_of(hidden)) is not None:
        # Somebody was killed who had come as far as this; a second folder would be moved into the first.
        return
    if await metadata.keeps_versions(who, ground.full(parent(path))):
        await metadata.keep_version(who, full)
    if await metadata.look(who, versions_of(full)) is not None:
        await metadata.rename(who, versions_of(full), versions_of(hidden), replace=False)


async def _give_back(ground: Ground, full: str, hidden: str) -> None:
    metadata, who = ground.metadata, ground.who
    taken = await metadata.look(who, hidden) is not None and await metadata.look(who, versions_of(hidden)) is not None
    if taken and await metadata.look(who, versions_of(full)) is None:
        await metadata.rename(who, versions_of(hidden), versions_of(full), replace=False)
