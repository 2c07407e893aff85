"""``clawgate staleness`` and ``clawgate index restored``: how fresh indexes are, and telling clients of restored backups."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from .index import standing
from .index.followers import NOTE_SECONDS
from .model.space import Space

if TYPE_CHECKING:
    from .assembly import Core

_LATE = 4 * NOTE_SECONDS
"""A note older than this is that of a gateway that does not run, or not well."""


async def show(core: Core, out: TextIO, now: float | None = None) -> int:
    """Print for each space that was ever followed how old answers may be; returns the exit code: 1 if some are older than they
    should be. Needs nothing but the index."""
    moment = time.time() if now is None else now
    late = False
    for one in await core.index_database.read(standing.read):
        mount = core.settings.mounts.get(one.space.partition("$")[0])
        age = moment - one.entered
        if mount is None:
            words = "its mount is not in the settings any more"
        elif moment - one.written > _LATE:
            words = f"not open since {time.strftime('%Y-%m-%d %H:%M', time.localtime(one.written))}"
        elif one.idle:
            words = "nobody asks for it, so nobody looks"
        elif not one.entered:
            words = "not yet looked at as a whole"
        else:
            late = late or age > mount.staleness_max
            words = f"{age:.0f} s of {mount.staleness_max:g} s" + (f", {one.waiting} changes wait" if one.waiting else "")
        print("\t".join((one.space, one.way, words)), file=out)
    return int(late)


async def restored(core: Core, spaces: Iterable[Space], out: TextIO) -> int:
    """Have clients told that the data of `spaces` were restored, with the gateway's own data, so that nothing shows it."""
    for space in spaces:
        await core.generations.renew(space.id)
        print(f"{space.id}: clients will keep what is newer on their side", file=out)
    return 0
