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
from collections.abc import Callable

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
_MASK = (_MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE) | (
    _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _ONLYDIR | _ONESHOT
)
_EVENT = struct.Struct("iIII")
_BUFFER = 65536


class Ticket:
    """Says that nothing happened in one folder since it was handed out; once invalid, it stays so."""

    __slots__ = ("_check", "valid", "watch")

    def __init__(self, watch: int, check: Callable[[Ticket], bool]) -> None:
        self.watch = watch
        self.valid = True
        """As far as events were read; `check` reads those that wait."""
        self._check = check

    def check(self) -> bool:
        """Whether nothing happened until now; does not block."""
        return self._check(self)


@implementer(IReadDescriptor)
class FolderWatches:
    """At most `limit` watched folders; the one not asked for longest gives way."""

    def __init__(self, reactor: IReactorFDSet, limit: int) -> None:
        self._reactor = reactor
        self._limit = limit
        self._fd = kernel.inotify_init()
        self._tickets: OrderedDict[int, Ticket] = OrderedDict()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Read events as they come."""
        self._reactor.addReader(self)

    def close(self) -> None:
        """Stop watching; all tickets become invalid."""
        self._reactor.removeReader(self)
        with self._lock:
            fd, self._fd = self._fd, -1
            self._invalidate_all()
            if fd >= 0:
                os.close(fd)

    def __len__(self) -> int:
        return len(self._tickets)

    def add(self, folder: int) -> Ticket | None:
        """Watch the folder open as descriptor `folder`. To be called before its content is read; may be called in any thread.

        None where the kernel cannot vouch for it: not a local file system, or no watches left. Raises nothing.
        """
        with self._lock:
            if self._fd < 0 or self._limit < 1:
                return None
            try:
                if kernel.file_system_type(folder) not in LOCAL:
                    return None
                watch = kernel.inotify_add(self._fd, b"/proc/self/fd/%d" % folder, _MASK)
            except OSError:
                return None
            ticket = self._tickets.get(watch)
            if ticket is None:
                ticket = self._tickets[watch] = Ticket(watch, self._trust)
            self._tickets.move_to_end(watch)
            while len(self._tickets) > self._limit:
                oldest, evicted = self._tickets.popitem(last=False)
                evicted.valid = False
                kernel.inotify_remove(self._fd, oldest)
            return ticket

    def drain(self) -> None:
        """Read all events that wait, so that tickets tell the truth of this moment; does not block."""
        with self._lock:
            while self._fd >= 0:
                try:
                    events = os.read(self._fd, _BUFFER)
                except BlockingIOError:
                    return
                self._take(events)

    def fileno(self) -> int:
        """See `IReadDescriptor`."""
        return self._fd

    def doRead(self) -> None:
        """See `IReadDescriptor`."""
        self.drain()

    def connectionLost(self, reason: Failure) -> None:
        """See `IReadDescriptor`."""
        self.close()

    def logPrefix(self) -> str:
        """See `IReadDescriptor`."""
        return "watch"

    def _trust(self, ticket: Ticket) -> bool:
        self.drain()
        if ticket.valid:
            with self._lock:
                if ticket.watch in self._tickets:
                    self._tickets.move_to_end(ticket.watch)
        return ticket.valid

    def _take(self, events: bytes) -> None:
        offset = 0
        while offset < len(events):
            watch, mask, _, length = _EVENT.unpack_from(events, offset)
            offset += _EVENT.size + length
            if mask & _OVERFLOW:
                for other in self._tickets:
                    kernel.inotify_remove(self._fd, other)
                self._invalidate_all()
                continue
            ticket = self._tickets.pop(watch, None)
            if ticket is not None:
                ticket.valid = False

    def _invalidate_all(self) -> None:
        for ticket in self._tickets.values():
            ticket.valid = False
        self._tickets.clear()
