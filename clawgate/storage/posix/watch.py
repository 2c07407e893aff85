"""Folders that the kernel watches, so that a listing can be trusted without looking again (inotify(7)).

Each watch reports one event and is gone (IN_ONESHOT): a busy folder costs one wake-up a listing. Only file systems whose every
change passes through this kernel are watched. Not reported: writes through a shared memory mapping (until the file is closed),
and changes through a hard link in another folder; `scanning.scan` tells which folders have such files.
"""

from __future__ import annotations

import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Sequence

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from . import kernel

LOCAL = frozenset(
    {
        0xEF53,  # ext2, ext3, ext4
        0x58465342,  # XFS
        0x9123683E,  # Btrfs
        0x01021994,  # tmpfs
        0x2FC12FC1,  # ZFS
        0xF2F52010,  # F2FS
        0x794C7630,  # overlayfs
    }
)
"""``f_type`` of file systems on which inotify sees every change."""

_MODIFY, _ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x02, 0x04, 0x08, 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _UNMOUNT, _OVERFLOW = 0x400, 0x800, 0x2000, 0x4000
_ONLYDIR, _ONESHOT = 0x01000000, 0x80000000
_CONTENT = (
    _MODIFY
    | _ATTRIB
    | _CLOSE_WRITE
    | _MOVED_FROM
    | _MOVED_TO
    | _CREATE
    | _DELETE
    | _DELETE_SELF
    | _MOVE_SELF
    | _UNMOUNT
    | _ONLYDIR
    | _ONESHOT
)
_PLACE = _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _ONLYDIR | _ONESHOT
_EVENT = struct.Struct("iIII")
_BUFFER = 65536


class _Mark:
    """One watched folder; once invalid, it stays so."""

    __slots__ = ("valid", "watch")

    def __init__(self, watch: int) -> None:
        self.watch = watch
        self.valid = True


class Ticket:
    """Says that nothing happened to one folder since it was handed out; once invalid, it stays so."""

    __slots__ = ("_marks", "_watches")

    def __init__(self, watches: FolderWatches, marks: Sequence[_Mark]) -> None:
        self._watches = watches
        self._marks = marks

    @property
    def valid(self) -> bool:
        """As far as events were read; `check` reads those that wait."""
        return all(mark.valid for mark in self._marks)

    def check(self) -> bool:
        """Whether nothing happened until now; does not block."""
        self._watches.drain()
        if self.valid:
            self._watches.refresh(self._marks)
            return True
        return False


class FolderWatches:
    """At most `limit` watched folders; the one not asked for longest gives way."""

    def __init__(self, reactor: IReactorFDSet, limit: int) -> None:
        self._contents = _Inotify(reactor, limit, _CONTENT)
        self._places = _Inotify(reactor, limit, _PLACE)

    def start(self) -> None:
        """Read events as they come."""
        self._contents.start()
        self._places.start()

    def close(self) -> None:
        """Stop watching; all tickets become invalid."""
        self._contents.close()
        self._places.close()

    def __len__(self) -> int:
        return len(self._contents)

    def add(self, folder: int, above: Sequence[int] = ()) -> Ticket | None:
        """Watch the folder open as descriptor `folder`, and that none of those `above` it moves. To be called before its content
        is read; may be called in any thread.

        None where the kernel cannot vouch for it: not a local file system, or no watches left. Raises nothing.
        """
        marks = [self._contents.add(folder)]
        marks += [self._places.add(other) for other in above]
        found = [mark for mark in marks if mark is not None]
        return Ticket(self, found) if len(found) == len(marks) else None

    def drain(self) -> None:
        """Read all events that wait, so that tickets tell the truth of this moment; does not block."""
        self._contents.drain()
        self._places.drain()

    def refresh(self, marks: Sequence[_Mark]) -> None:
        """Note that a ticket with these marks was used."""
        self._contents.refresh(marks[:1])
        self._places.refresh(marks[1:])


@implementer(IReadDescriptor)
class _Inotify:
    """One inotify descriptor, whose watches all have the same mask."""

    def __init__(self, reactor: IReactorFDSet, limit: int, mask: int) -> None:
        self._reactor = reactor
        self._limit = limit
        self._mask = mask
        self._fd = kernel.inotify_init()
        self._marks: OrderedDict[int, _Mark] = OrderedDict()
        self._lock = threading.Lock()

    def start(self) -> None:
        self._reactor.addReader(self)

    def close(self) -> None:
        self._reactor.removeReader(self)
        with self._lock:
            fd, self._fd = self._fd, -1
            self._invalidate_all()
            if fd >= 0:
                os.close(fd)

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, folder: int) -> _Mark | None:
        with self._lock:
            if self._fd < 0 or self._limit < 1:
                return None
            try:
                if kernel.file_system_type(folder) not in LOCAL:
                    return None
                watch = kernel.inotify_add(self._fd, b"/proc/self/fd/%d" % folder, self._mask)
            except OSError:
                return None
            mark = self._marks.get(watch)
            if mark is None:
                mark = self._marks[watch] = _Mark(watch)
            self._marks.move_to_end(watch)
            while len(self._marks) > self._limit:
                oldest, evicted = self._marks.popitem(last=False)
                evicted.valid = False
                kernel.inotify_remove(self._fd, oldest)
            return mark

    def drain(self) -> None:
        with self._lock:
            while self._fd >= 0:
                try:
                    events = os.read(self._fd, _BUFFER)
                except BlockingIOError:
                    return
                self._take(events)

    def refresh(self, marks: Sequence[_Mark]) -> None:
        with self._lock:
            for mark in marks:
                if mark.watch in self._marks:
                    self._marks.move_to_end(mark.watch)

    def fileno(self) -> int:
        return self._fd

    def doRead(self) -> None:
        self.drain()

    def connectionLost(self, reason: Failure) -> None:
        self.close()

    def logPrefix(self) -> str:
        return "watch"

    def _take(self, events: bytes) -> None:
        offset = 0
        while offset < len(events):
            watch, mask, _, length = _EVENT.unpack_from(events, offset)
            offset += _EVENT.size + length
            if mask & _OVERFLOW:
                for other in self._marks:
                    kernel.inotify_remove(self._fd, other)
                self._invalidate_all()
                continue
            mark = self._marks.pop(watch, None)
            if mark is not None:
                mark.valid = False

    def _invalidate_all(self) -> None:
        for mark in self._marks.values():
            mark.valid = False
        self._marks.clear()
