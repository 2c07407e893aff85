"""Files sent by the kernel: worker threads push, the reactor waits for the client."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Disconnected, Overloaded, StorageBroken
from ..interfaces import FileSlice
from ..workers import Workers

if TYPE_CHECKING:
    from .request import Request

_PIECE = 8 * 1024 * 1024
_HOP = 64 * 1024 * 1024
"""Bytes that one call in a thread sends at most, so that many downloads take turns."""
_PATIENCE_MS = 2
"""How long a thread waits for a client before it leaves the waiting to the reactor: a quick client is ready again within this
time."""
_HELD_BACK = 1


class _Version(NamedTuple):
    # Not ctime: that changes, too, when the name is given to a new version, which leaves this one intact.
    size: int
    mtime_ns: int


def _version(fd: int) -> _Version:
    seen = os.fstat(fd)
    return _Version(seen.st_size, seen.st_mtime_ns)


def _push(out: int, fd: int, offset: int, stop: int, version: _Version | None) -> tuple[int, _Version]:
    """Send what the socket takes; returns the new offset. Runs in a thread.

    The last byte is held back until the file was seen unchanged after all others: no client gets a complete mixture of two
    versions.
    """
    if version is None:
        version = _version(fd)
    end = min(stop, offset + _HOP)
    body_end = min(end, stop - _HELD_BACK)
    poller = None
    while offset < end:
        limit = body_end if offset < body_end else end
        if limit == stop and _version(fd) != version:
            raise StorageBroken("the file was changed while it was sent")
        try:
            sent = os.sendfile(out, fd, offset, min(limit - offset, _PIECE))
        except BlockingIOError:
            if poller is None:
                poller = select.poll()
                poller.register(out, select.POLLOUT)
            if not poller.poll(_PATIENCE_MS):
                break
            continue
        except ConnectionError as error:
            raise Disconnected("the client is gone") from error
        if not sent:
            raise StorageBroken("the file became shorter while it was sent")
        offset += sent
    return offset, version


async def send(request: Request, workers: Workers, piece: FileSlice) -> None:
    """Send `piece` over the request's connection. Raises `Disconnected`, `StorageBroken`."""
    carrier = request.carrier
    out = await carrier.descriptor()
    try:
        offset = piece.start
        version = None if piece.version is None else _Version(*piece.version)
        while offset < piece.stop:
            if request.disconnected:
                raise Disconnected("the client is gone")
            try:
                offset, version = await workers.run(_push, out, piece.fd, offset, piece.stop, version)
            except Overloaded:
                await carrier.site.pause(0.05)
                continue
            request.sent = offset - piece.start
            if offset < piece.stop and not request.disconnected:
                await carrier.writable(out)
    finally:
        os.close(out)
