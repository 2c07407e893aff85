"""Writing a file: a look at what is there, the handshake, the content; believed once EOS's checksum is that of what was sent."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import attrs
from twisted.internet.defer import Deferred

from ...errors import (
    ClawgateError,
    Forbidden,
    IsAFolder,
    Locked,
    PreconditionFailed,
    StorageBroken,
    StorageUnavailable,
)
from ...interfaces import Body
from ...log import make_logger
from ...model.content import Intent, Target, Written
from ...model.path import Path, name, parent
from ..checked import Checked
from .facts import Entry, bare, etag_checksum, is_new
from .ground import Ground
from .names import check_new
from .transfer import Handshake, Interrupted, Sent, open_write, send

log = make_logger()

_BLOCK = 1 << 18
LAYOUT = ("ADLER32", "CRC32C")
"""The checksums that EOS works out most often; we do it as well, whoever asks."""
_LENGTHS = {8: LAYOUT, 32: ("MD5",), 40: ("SHA1",), 64: ("SHA256",)}
"""Algorithms by the number of their digits: an etag does not name its own."""
_WIDTH = 8


async def write(ground: Ground, path: Path, body: Body, intent: Intent) -> Written:
    """See `Storage.write`. Three round trips: the look, the manager, the disk server."""
    check_new(path)
    checked = Checked(body, attrs.evolve(intent, compute=(*intent.compute, *LAYOUT)))
    before = await look(ground, path, intent)
    stable: Deferred[str] | None = None
    try:
        number, handshake = await ground.opening(path, lambda: _open(ground, path, intent, before))
        try:
            see_opened(path, intent, before, handshake)
            if ground.options.stable_ids:
                stable = Deferred.fromCoroutine(ground.stable_id(ground.full(path)))
            sent = await _send(ground, path, intent, before, checked, handshake.url, number)
        finally:
            ground.closed(path)
        return await _written(ground, path, intent, before, checked, sent, stable)
    finally:
        ground.changed(path)
        if stable is not None and not stable.called:
            stable.addErrback(lambda failure: None)
            stable.cancel()


async def look(ground: Ground, path: Path, intent: Intent) -> Entry | None:
    """What stands at the target, as far as a write has to know. Raises what can be refused before the body is read."""
    if not path:
        raise IsAFolder("the root cannot be overwritten")
    before = await ground.metadata.look(ground.who, ground.full(path))
    if intent.expected is Target.NOTHING and before is not None:
        raise PreconditionFailed(f"{path}: the name is taken")
    if before is not None and before.is_folder:
        # EOS would take the content, and show it to nobody.
        raise IsAFolder(f"{path}: this is a folder")
    if not isinstance(intent.expected, Target) and (before is None or before.etag != intent.expected):
        if before is None:
            await ground.see_parent(path)
        raise PreconditionFailed(f"{path}: the file was changed meanwhile")
    return before


async def _open(ground: Ground, path: Path, intent: Intent, before: Entry | None) -> Handshake:
    fields = {"OC-Total-Length": str(intent.size or 0), "X-OC-Mtime": str(_mtime(intent))}
    if not isinstance(intent.expected, Target):
        fields["If-Match"] = f'"{intent.expected}"'
    full = ground.full(path)
    try:
        return await open_write(ground.instance, ground.who, full, fields)
    except Forbidden:
        found = await ground.metadata.describe(ground.who, full) if before is not None else None
        if found is not None and found.lock:
            raise Locked(f"{path}: a program holds a lock on this file") from None
        raise


def see_opened(path: Path, intent: Intent, before: Entry | None, handshake: Handshake) -> None:
    """Raise `PreconditionFailed` if somebody was quicker: the etag of a handshake is that of what stood there just then."""
    new = is_new(handshake.etag)
    if intent.expected is Target.NOTHING and not new:
        raise PreconditionFailed(f"{path}: the name is taken")
    if not isinstance(intent.expected, Target) and before is not None and not new and bare(handshake.etag) != before.etag:
        raise PreconditionFailed(f"{path}: the file was changed meanwhile")


async def _send(
    ground: Ground, path: Path, intent: Intent, before: Entry | None, checked: Checked, url: bytes, number: int
) -> Sent:
    if intent.size == 0:
        # Without content there is nothing that could be held back.
        await checked.some(1)
    fields = {"X-OC-Mtime": str(_mtime(intent))}
    for checksum in intent.checksums:
        if checksum.algorithm == "ADLER32":
            # Without leading zeros, or EOS refuses what is right.
            fields["OC-Checksum"] = f"Adler32:{checksum.value.lower().lstrip('0') or '0'}"
    try:
        return await send(ground.instance, url, intent.size, held_back(checked), fields)
    except ClawgateError as error:
        ground.litter(parent(path))
        if not isinstance(error, (Interrupted, StorageBroken)):
            raise
        there = await ground.metadata.look(ground.who, ground.full(path))
        if _is_ours(there, before, checked):
            assert there is not None
            return Sent(there.etag, 0)
        overtaken = ground.overtaken(path, number) or (there is not None and (before is None or there.etag != before.etag))
        if overtaken and intent.expected is Target.ANYTHING:
            raise Locked(f"{path}: somebody else wrote this file at the same time") from error
        if overtaken:
            raise PreconditionFailed(f"{path}: the file was changed meanwhile") from error
        raise


async def held_back(checked: Checked) -> AsyncIterator[bytes]:
    """The content; its last bytes only when all of it was verified, because EOS publishes when it has them."""
    last = b""
    while data := await checked.some(_BLOCK):
        if last:
            yield last
        last = data
    if last:
        yield last


def _is_ours(there: Entry | None, before: Entry | None, checked: Checked) -> bool:
    if there is None or there.is_folder or there.size != checked.length or (before is not None and there.etag == before.etag):
        return False
    return agrees(there.etag, checked) is True


def agrees(etag: str, checked: Checked) -> bool | None:
    """Whether the checksum in an etag is that of the content; None: it has none that we know."""
    value = etag_checksum(etag)
    ours = dict(one.split(":") for one in checked.digests.text().split())
    known = [ours[algorithm] for algorithm in _LENGTHS.get(max(len(value), _WIDTH), ()) if algorithm in ours]
    return value.zfill(_WIDTH) in known if value and known else None


async def _written(
    ground: Ground,
    path: Path,
    intent: Intent,
    before: Entry | None,
    checked: Checked,
    sent: Sent,
    stable: Deferred[str] | None,
) -> Written:
    found = Entry(name(path), False, checked.length, _mtime(intent), sent.etag, sent.inode)
    if not sent.etag or not sent.inode or agrees(sent.etag, checked) is None:
        # What it does not say at once it says when it is asked.
        described = await ground.metadata.describe(ground.who, ground.full(path))
        if described is None or (sent.etag and described.etag != sent.etag):
            raise StorageUnavailable("the storage took the content, and has something else there now")
        found = described._replace(name=name(path))
    if found.size != checked.length or agrees(found.etag, checked) is False:
        raise StorageBroken("the content changed on its way to the storage; it has to be sent again")
    asked = {*intent.compute, *(checksum.algorithm for checksum in intent.checksums)}
    id = ""
    if stable is not None:
        try:
            id = await stable
        except ClawgateError as error:
            # The file is there; without such a folder it is known by its inode, here and later.
            log.warn("a file gets no id that outlives it: {error}", error=error)
    id = id or str(found.inode)
    node = found.node(id)._replace(checksums=checked.digests.only(asked).text())
    return Written(node, before is not None)


def _mtime(intent: Intent) -> int:
    return int(time.time()) if intent.mtime_ns is None else intent.mtime_ns // 10**9
