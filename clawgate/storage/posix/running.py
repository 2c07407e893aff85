"""Checksums of uploads whose bytes come in order, worked out while they come.

A running digest covers the bytes of a file from the first one up to its position, and is true as long as those stay as they are.
A write that begins there moves it on. One that begins before it is compared with what is there: a client that repeats itself
disturbs nothing, anything else ends it. What is written behind the position is of no concern.

Other processes may write to the file as well, and do not know of the digests here. So the file bears a mark that says by whose
hands all of it went: its time of access, which otherwise means nothing for a file that nobody may see. Who finds a foreign mark
has no digest of this file, and replaces the mark so that the other one does not trust his own any more either. Whoever reads the
file, a backup for instance, wipes the mark, at the price of one pass over the content when the upload is finished.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Sequence
from typing import NamedTuple

from ..checksums import Digests

MOST = 4096
"""Uploads whose digests are kept, about a KiB each. Those of the one that was not used for longest go first; they are worked out
anew when it is finished."""

_MIXED = 0
"""The mark of a file to which several processes may be writing at this moment."""
_REAL = 1_000_000_000
"""Seconds since 1970 from which on a time of access is one, and no mark."""
_SECOND = 1_000_000_000


class Running(NamedTuple):
    """Digests of the first `position` bytes. Never changed, only replaced by another."""

    position: int
    digests: Digests


class Runnings:
    """The running digests of all uploads of one storage in this process. May be used from any thread."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._mark = random.SystemRandom().randrange(_MIXED + 1, _REAL)
        self._lock = threading.Lock()
        self._found: dict[str, Running] = {}

    def mark(self, fd: int) -> None:
        """Note on the file that all of it went through our hands; it is new, or nobody else can write to it."""
        _set(fd, self._mark)

    def trusts(self, handle: str, fd: int, *, alone: bool) -> bool:
        """Whether nobody else has written to the file `fd`, which is locked, since we marked it; if somebody has, its digest is
        dropped. From now on all will go through our hands if it is locked for us `alone`. Raises `OSError`."""
        mark = os.fstat(fd).st_atime_ns // _SECOND
        if mark == self._mark:
            return True
        self.drop(handle)
        foreign = _MIXED < mark < _REAL
        try:
            if alone:
                self.mark(fd)
            elif foreign:
                _set(fd, _MIXED)
        except OSError:
            # A file system that cannot bear marks bears none of others either.
            if foreign:
                raise
            return False
        return alone

    def get(self, handle: str) -> Running | None:
        """The digest as it stands."""
        with self._lock:
            running = self._found.pop(handle, None)
            if running is not None:
                self._found[handle] = running
            return running

    def put(self, handle: str, running: Running) -> None:
        """The digest as it stands now."""
        with self._lock:
            self._put(handle, running)

    def replace(self, handle: str, old: Running | None, new: Running) -> None:
        """As `put`, unless somebody else came in between."""
        with self._lock:
            if self._found.get(handle) is old:
                self._put(handle, new)

    def drop(self, handle: str) -> None:
        """Forget it."""
        with self._lock:
            self._found.pop(handle, None)

    def follow(self, handle: str, offset: int, compute: Sequence[str]) -> Following | None:
        """For a write that begins at `offset`; None: it is of no concern."""
        running = self.get(handle)
        if running is not None:
            return Following(self, handle, running, running) if offset <= running.position else None
        return Following(self, handle, None, Running(0, Digests(compute))) if compute and offset == 0 else None

    def _put(self, handle: str, running: Running) -> None:
        self._found.pop(handle, None)
        self._found[handle] = running
        if len(self._found) > self._most:
            del self._found[next(iter(self._found))]


class Following:
    """A digest that goes along with one write, block by block. Belongs to whoever writes."""

    def __init__(self, runnings: Runnings, handle: str, known: Running | None, running: Running) -> None:
        """`known` is what `runnings` has, `running` where to go on."""
        self._runnings = runnings
        self._handle = handle
        self._known = known
        self._position = running.position
        self._digests = running.digests.copy()
        self._lost = False

    def before(self, fd: int, chunks: Sequence[bytes], offset: int) -> None:
        """These are about to be written to `fd` at `offset`."""
        for chunk in chunks:
            if self._lost or offset >= self._position:
                return
            old = chunk[: self._position - offset]
            if os.pread(fd, len(old), offset) != old:
                self._lost = True
                self._runnings.drop(self._handle)
            offset += len(chunk)

    def after(self, chunks: Sequence[bytes], offset: int) -> None:
        """These were written at `offset`."""
        if self._lost:
            return
        for chunk in chunks:
            end = offset + len(chunk)
            if end > self._position:
                self._digests.update(chunk if offset == self._position else chunk[self._position - offset :])
                self._position = end
            offset = end

    def adopt(self) -> None:
        """The write is over, and what it wrote stays."""
        if not self._lost and self._position > (self._known.position if self._known else 0):
            self._runnings.replace(self._handle, self._known, Running(self._position, self._digests))


def _set(fd: int, mark: int) -> None:
    os.utime(fd, ns=(mark * _SECOND, os.fstat(fd).st_mtime_ns))
