"""The end of an upload: verified, published."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from stat import S_ISDIR

import attrs

from ...errors import LengthMismatch, NotFound, StorageUnavailable
from ...model.content import Intent, Written
from ...model.path import Path, split
from ..checksums import Digests
from .attributes import take_back
from .draft import publish
from .failures import guarded
from .ground import Descriptor, Ground, Spot, node_of
from .identity import identify, own_of
from .part_file import Handle, OpenPart, open_part
from .publishing import check_expected, check_place
from .running import Running, Runnings
from .staging import Slot, open_staging

_STEP = 8 * 1024 * 1024
"""Bytes read in one call to a worker: between two of them others have their turn, and it can be given up."""
_READ = 1024 * 1024


class Finishing(OpenPart):
    """The file is locked from `begin` to `publish`. All methods block; after an error it is closed.

    What was read of it to work out checksums is remembered (`running`): another attempt goes on from there.
    """

    def __init__(self, ground: Ground, runnings: Runnings, handle: str, path: Path, intent: Intent) -> None:
        """As `Parts.finish`. Nothing is opened yet. Raises `UploadGone`, `InvalidRequest` for an unknown algorithm."""
        super().__init__(ground, handle)
        self._runnings = runnings
        self._path = path
        self._intent = intent
        self._wanted = {*intent.compute, *(checksum.algorithm for checksum in intent.checksums)}
        self._running = Running(0, Digests(self._wanted))
        self._root: Descriptor | None = None
        self._size = 0

    def begin(self, others: Iterable[OpenPart]) -> Written | None:
        """Open the file and refuse what can be refused; publish it if nothing has to be read (None: it has).

        `others` of this process that still use the file are cut off: nothing may be written any more, for it would show. Raises
        `Locked` if another process uses it, `UploadGone`, `LengthMismatch`, and what `publish` raises.
        """
        for other in others:
            other.close()
        with self._lock, guarded(self._path):
            try:
                self._check()
                with self._ground.spot(self._path, follow=True) as spot:
                    check_place(self._ground, spot, self._intent.expected)
                    self._root = spot.root
                    self._open(spot.root)
                    if self._wanted and self._running.position < self._size:
                        return None
                    written = self._publish(spot)
            except BaseException:
                self._close()
                raise
            self._close()
            return written

    def step(self) -> bool:
        """Read some of what no checksum covers yet; returns whether there is more."""
        with self._lock, guarded(self._path):
            self._check()
            position, digests = self._running.position, self._running.digests.copy()
            stop = min(self._size, position + _STEP)
            try:
                while position < stop:
                    block = os.pread(self._fd, min(_READ, stop - position), position)
                    if not block:
                        raise LengthMismatch(f"{position} bytes are there, {self._size} were")
                    digests.update(block)
                    position += len(block)
            finally:
                self._running = Running(position, digests)
                self._runnings.put(str(self._handle), self._running)
            return position < self._size

    def publish(self) -> Written:
        """Verify, and put the file in its place. Errors as `Storage.write`; the file stays what it was then."""
        with self._lock, guarded(self._path):
            try:
                self._check()
                with self._ground.spot(self._path, follow=True) as spot:
                    return self._publish(spot)
            finally:
                self._close()

    def _open(self, root: Descriptor) -> None:
        self._fd = open_part(root, self._handle.name, os.O_RDWR, alone=True)
        handle = str(self._handle)
        self._runnings.trusts(handle, self._fd, alone=True)
        size = os.fstat(self._fd).st_size
        self._size = size if self._intent.size is None else self._intent.size
        if size < self._size:
            raise LengthMismatch(f"{size} bytes came, {self._size} were announced")
        running = self._runnings.get(handle)
        if running is not None and running.position <= self._size and running.digests.covers(self._wanted):
            self._running = running

    def _publish(self, spot: Spot) -> Written:
        digests = self._running.digests.only(self._wanted)
        digests.verify(self._intent.checksums)
        if spot.root is not self._root:
            raise StorageUnavailable("the storage was replaced meanwhile")
        before = os.fstat(self._fd)
        if before.st_size > self._size:
            # Left by somebody who gave up. What is refused below keeps it.
            check_expected(self._ground, spot, self._intent.expected)
            self._cut()
        intent = self._intent
        if intent.mtime_ns is None:
            intent = attrs.evolve(intent, mtime_ns=time.time_ns())
        self._check()
        slot = Slot(open_staging(spot.root), self._handle.name)
        try:
            written = publish(self._ground, slot, self._fd, spot, intent, digests.text())
        except BaseException:
            take_back(self._fd, before)
            with contextlib.suppress(OSError):
                self._runnings.mark(self._fd)
            raise
        finally:
            slot.close()
        self._runnings.drop(str(self._handle))
        return written

    def _cut(self) -> None:
        """Cut off what lies beyond the end."""
        handle = str(self._handle)
        running = self._runnings.get(handle)
        if running is not None and running.position > self._size:
            self._runnings.drop(handle)
        os.ftruncate(self._fd, self._size)


def published(ground: Ground, handle: str, path: Path) -> Written | None:
    """As `Parts.published`; blocks. Raises `UploadGone`."""
    mine = Handle.parse(handle)
    with guarded(path):
        try:
            fd, state = ground.probe(path)
        except NotFound:
            return None
        try:
            root = ground.root()
            if S_ISDIR(state.st_mode) or own_of(root, fd, b"") != mine.own:
                return None
            identity = identify(root, fd, b"")
        finally:
            os.close(fd)
        if state.st_nlink > 1:
            _forget_name(root, mine.name, state)
        node = node_of(split(path)[1], state)._replace(checksums=identity.checksums)
        # Only what took the place of another bears its id.
        return Written(node, identity.id != identity.own, identity)


def _forget_name(root: Descriptor, name: bytes, state: os.stat_result) -> None:
    """Finish what `publishing` does with a second name where it must."""
    with contextlib.suppress(FileNotFoundError):
        staging = open_staging(root, create=False)
        try:
            there = os.stat(name, dir_fd=staging, follow_symlinks=False)
            if (there.st_dev, there.st_ino) == (state.st_dev, state.st_ino):
                os.unlink(name, dir_fd=staging)
        finally:
            os.close(staging)
