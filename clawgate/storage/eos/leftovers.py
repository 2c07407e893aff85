"""What interrupted work left behind, and putting it in order.

Folders where something may lie about are known: from work here that failed, and from listings, in which EOS tells also of what is
not shown. Nobody walks the whole tree for it.
"""

from __future__ import annotations

import re
import secrets

from twisted.internet.task import deferLater

from ...errors import ClawgateError, NotFound
from ...model.path import ROOT, Path
from .facts import Container, Entry
from .ground import Ground
from .moving import discard
from .names import ASIDE, ATOMIC, GOING, HELD, PARTS
from .placing import give_up

ATOMIC_SECONDS = 86400.0
"""Content may be under way for hours to what EOS calls so until it is complete; and not only by way of us."""
GAP_SECONDS = 2.0
"""For so long a name may be free while something is replaced by another gateway."""
_ASIDE = re.compile(rf"(?:{re.escape(ASIDE)}|{re.escape(HELD)})[0-9a-f]{{16}}\.(.+)", re.DOTALL)


def has_leftovers(found: Container) -> bool:
    """Whether a listing tells of something that `sweep` has to look at."""
    return any(one.name.startswith((ASIDE, GOING, HELD, PARTS, ATOMIC)) for one in found.children)


async def sweep(ground: Ground, keep: frozenset[str], older_than: float, now: float) -> int:
    """See `Janitor.sweep`."""
    removed = 0
    for path in dict.fromkeys((ROOT, *ground.dirty)):
        ground.dirty.pop(path, None)
        try:
            found = await ground.metadata.container(ground.who, ground.full(path))
        except NotFound:
            continue
        for one in found.children:
            if await _sweep(ground, found, one, keep, older_than, now):
                removed += 1
        if any(one.name.startswith((ASIDE, GOING, HELD, ATOMIC)) for one in found.children):
            ground.litter(path)
    return removed


def is_torn(ground: Ground, found: Container) -> bool:
    """Whether something in a folder made room for what never came: it must not look as if it were gone."""
    names = {one.name for one in found.children}
    asides = [(one.name, match[1]) for one in found.children if (match := _ASIDE.fullmatch(one.name))]
    return any(was not in names and f"{found.folder.path}/{name}" not in ground.instance.busy for name, was in asides)


async def mend(ground: Ground, found: Container) -> None:
    """Put back what `is_torn` tells of."""
    names = {one.name for one in found.children}
    for one in found.children:
        match = _ASIDE.fullmatch(one.name)
        full = f"{found.folder.path}/{one.name}"
        if match and match[1] not in names and full not in ground.instance.busy:
            await _put_back(ground, full, f"{found.folder.path}/{match[1]}")


async def _put_back(ground: Ground, full: str, place: str) -> bool:
    # Another gateway may be just between its two steps; a rename onto what is there by then would go into it.
    await deferLater(ground.instance.reactor, GAP_SECONDS, lambda: None)
    if await ground.metadata.look(ground.who, place) is not None:
        return False
    await ground.metadata.rename(ground.who, full, place, replace=False)
    return True


async def _swap_back(ground: Ground, held: str, place: str) -> bool:
    """Something came back from the recycle bin to a name that was to be kept free for what had made room for it."""
    await deferLater(ground.instance.reactor, GAP_SECONDS, lambda: None)
    metadata, who = ground.metadata, ground.who
    if await metadata.look(who, held) is None:
        return False
    await metadata.rename(who, place, f"{place} (restored {secrets.token_hex(2)})", replace=False)
    await metadata.rename(who, held, place, replace=False)
    return True


async def _sweep(ground: Ground, folder: Container, one: Entry, keep: frozenset[str], older_than: float, now: float) -> bool:
    # A rename moves no time of change; what was put aside may be old.
    age, full = now - max(one.ctime, one.mtime), f"{folder.folder.path}/{one.name}"
    if one.name.startswith(PARTS):
        wanted = any(handle.startswith(f"{one.name.removeprefix(PARTS)}-") for handle in keep)
        old = not wanted and age >= older_than
        if old:
            try:
                await give_up(ground, full)
            except NotFound:
                return False
            return True
    elif one.name.startswith(ATOMIC):
        # Only what was begun as this person; a program beside the gateway may be at it.
        old = one.uid == ground.persona.uid and age >= max(older_than, ATOMIC_SECONDS)
    elif aside := _ASIDE.fullmatch(one.name):
        if full in ground.instance.busy:
            return False
        if not any(other.name == aside[1] for other in folder.children):
            return await _put_back(ground, full, f"{folder.folder.path}/{aside[1]}")
        if one.name.startswith(HELD):
            return await _swap_back(ground, full, f"{folder.folder.path}/{aside[1]}")
        old = True
    else:
        old = one.name.startswith(GOING)
    if old:
        try:
            await discard(ground, full)
        except NotFound:
            return False
        except ClawgateError:
            ground.litter(Path(ground.relative(folder.folder.path)))
            raise
    return old
