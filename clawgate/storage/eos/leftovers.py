"""What interrupted work left behind, and putting it in order.

Folders where something may lie about are known: from work here that failed, and from listings, in which EOS tells also of what is
not shown. Nobody walks the whole tree for it.
"""

from __future__ import annotations

import re
import secrets
import time

from twisted.internet.task import deferLater

from ...errors import AlreadyExists, ClawgateError, Forbidden, NotAFolder, NotFound, Overloaded, StorageUnavailable
from ...log import make_logger
from ...model.path import ROOT, Path, name, parent
from .facts import Container, Entry
from .ground import Ground
from .marks import MARK, OLD_MARK, Known, is_left, is_left_upload, lease
from .moving import discard
from .names import ASIDE, ATOMIC, GOING, HELD, PARTS, STAGING
from .placing import give_up

log = make_logger()

ATOMIC_SECONDS = 86400.0
"""Content may be under way for hours to what EOS calls so until it is complete; and not only by way of us."""
GAP_SECONDS = 2.0
"""For so long a name may be free while something is replaced by a gateway of a release that does not mark what it is at."""
PAUSE_SECONDS = 0.5
_LOOKS = 8
"""How often, with such pauses, a folder is looked at in which something is just being replaced."""
_ASIDE = re.compile(rf"(?:{re.escape(ASIDE)}|{re.escape(HELD)})({MARK})\.(.+)", re.DOTALL)
_GOING = re.compile(rf"{re.escape(GOING)}({MARK})(?:\..*)?", re.DOTALL)
_KNOWN = Known()


def has_leftovers(found: Container) -> bool:
    """Whether a listing tells of something that `sweep` has to look at."""
    return any(one.name.startswith((ASIDE, GOING, HELD, PARTS, ATOMIC)) for one in found.children)


async def sweep(ground: Ground, keep: frozenset[str], older_than: float, now: float) -> int:
    """See `Janitor.sweep`. What cannot be removed keeps nothing else from being."""
    removed, failed = 0, list[ClawgateError]()
    for path in dict.fromkeys((ROOT, *ground.dirty)):
        ground.dirty.pop(path, None)
        folders = [ground.full(path)]
        for full in folders:
            try:
                found = await ground.metadata.container(ground.who, full)
            except (NotFound, NotAFolder, Forbidden):
                continue
            for one in found.children:
                try:
                    removed += await _sweep(ground, found, one, keep, older_than, now)
                except (StorageUnavailable, Overloaded):
                    # Neither would the others go now.
                    raise
                except ClawgateError as error:
                    failed.append(error)
            if any(one.name.startswith((ASIDE, GOING, HELD, ATOMIC)) for one in found.children):
                ground.litter(path)
            if full == ground.root and any(one.name == STAGING and one.is_folder for one in found.children):
                folders.append(f"{ground.root}/{STAGING}")
    if failed:
        raise failed[0]
    return removed


async def settled(ground: Ground, path: Path, found: Container) -> Container:
    """The folder `found` at `path` once all in it has its name: what only makes room for something else must not look as if it
    were gone, or clients delete it. What is left behind is put back; what somebody is at is waited for. Raises
    `StorageUnavailable` if that takes long."""
    for _ in range(_LOOKS):
        torn = _torn(found)
        if not torn:
            return found
        left = [one for one in torn if _is_left(ground, f"{found.folder.path}/{one[0]}", one[1], time.time())]
        if any(len(mark) == OLD_MARK for _, mark, _ in left):
            await _gap(ground)
        for hidden, _, was in left:
            try:
                if not ground.mends:
                    raise Forbidden("this space is for reading only")
                await _put_back(ground, f"{found.folder.path}/{hidden}", f"{found.folder.path}/{was}")
            except (NotFound, AlreadyExists):
                # Somebody else was quicker.
                continue
            except Forbidden:
                # Who may only read cannot help it, and shall see the rest.
                log.warn("{path}: {was} was put aside and is still there, as {name}", path=path, was=was, name=hidden)
                return found
        if not left and not await _moved(ground, found.folder.path, torn[0]):
            continue
        found = await ground.container(path)
    raise StorageUnavailable("something is just being replaced in this folder; ask again")


async def has_room_made(ground: Ground, path: Path) -> bool:
    """Whether a folder that is not there, or one above it, has only made room for something: it may be asked for again then.
    Raises as `settled`."""
    while path:
        above = parent(path)
        try:
            found = await ground.metadata.container(ground.who, ground.full(above))
        except NotFound:
            path = above
            continue
        except (Forbidden, NotAFolder):
            return False
        if all(was != name(path) for _, _, was in _torn(found)):
            return False
        await settled(ground, above, found)
        return True
    return False


async def _moved(ground: Ground, folder: str, torn: tuple[str, str, str]) -> bool:
    """Wait a moment; whether something has come of what was set aside, so that the folder is worth another listing."""
    await deferLater(ground.instance.reactor, PAUSE_SECONDS, lambda: None)
    metadata, who = ground.metadata, ground.who
    return await metadata.look(who, f"{folder}/{torn[2]}") is not None or await metadata.look(who, f"{folder}/{torn[0]}") is None


def _torn(found: Container) -> list[tuple[str, str, str]]:
    """What has made room for something that is not there: its name, its mark, and the name that it had."""
    names = {one.name for one in found.children}
    asides = [(one.name, match[1], match[2]) for one in found.children if (match := _ASIDE.fullmatch(one.name))]
    return [one for one in asides if one[2] not in names]


def _is_left(ground: Ground, full: str, text: str, now: float) -> bool:
    """Whether nobody is at work any more on what has this mark."""
    if full in ground.instance.busy:
        return False
    return is_left(text, now, _KNOWN.since(text, time.monotonic()), lease(ground.options.timeout))


async def _put_back(ground: Ground, full: str, place: str) -> bool:
    # A rename onto what is there by now would go into it.
    if await ground.metadata.look(ground.who, place) is not None:
        return False
    await ground.metadata.rename(ground.who, full, place, replace=False)
    return True


async def _swap_back(ground: Ground, held: str, place: str) -> bool:
    """Something came back from the recycle bin to a name that was to be kept free for what had made room for it."""
    metadata, who = ground.metadata, ground.who
    if await metadata.look(who, held) is None:
        return False
    await metadata.rename(who, place, f"{place} (restored {secrets.token_hex(2)})", replace=False)
    await metadata.rename(who, held, place, replace=False)
    return True


async def _gap(ground: Ground) -> None:
    """Another gateway, which does not mark what it is at, may be just between its two steps."""
    await deferLater(ground.instance.reactor, GAP_SECONDS, lambda: None)


async def _sweep(ground: Ground, folder: Container, one: Entry, keep: frozenset[str], older_than: float, now: float) -> bool:
    # A rename moves no time of change; what was put aside may be old.
    age, full = now - max(one.ctime, one.mtime), f"{folder.folder.path}/{one.name}"
    if one.name.startswith(PARTS):
        mark = one.name.removeprefix(PARTS)
        wanted = any(handle.startswith(f"{mark}-") for handle in keep)
        if not wanted and age >= older_than and is_left_upload(mark, ground.options.deployment, age):
            try:
                await give_up(ground, full)
            except NotFound:
                return False
            return True
        return False
    if one.name.startswith(ATOMIC):
        # Only what was begun as this person; a program beside the gateway may be at it.
        old = one.uid == ground.persona.uid and age >= max(older_than, ATOMIC_SECONDS)
    elif aside := _ASIDE.fullmatch(one.name):
        if not _is_left(ground, full, aside[1], now):
            return False
        taken = any(other.name == aside[2] for other in folder.children)
        if len(aside[1]) == OLD_MARK and (not taken or one.name.startswith(HELD)):
            await _gap(ground)
        if not taken:
            return await _put_back(ground, full, f"{folder.folder.path}/{aside[2]}")
        if one.name.startswith(HELD):
            return await _swap_back(ground, full, f"{folder.folder.path}/{aside[2]}")
        old = True
    else:
        going = _GOING.fullmatch(one.name)
        old = going is not None and _is_left(ground, full, going[1], now)
    if old:
        try:
            await discard(ground, full)
        except NotFound:
            return False
        except ClawgateError:
            ground.litter(Path(ground.relative(folder.folder.path)))
            raise
    return old
