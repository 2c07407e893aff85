"""New content on its way to its place: written out of sight, verified, then published in one step."""

from __future__ import annotations

import errno
import os
import threading

from ...errors import (
    AlreadyExists,
    ClawgateError,
    Disconnected,
    Forbidden,
    LengthMismatch,
    ParentMissing,
    PreconditionFailed,
    QuotaExceeded,
    StorageBroken,
)
from ...model.content import Intent, Target, Written
from ...model.node import Identity
from ...model.path import Path, split
from ..checksums import Digests
from .attributes import carry, proc_path, settle
from .failures import guarded
from .ground import Ground, Spot, node_of
from .identity import identify, keep, own_of
from .options import Durability
from .publishing import check_expected, check_place, rename_new
from .staging import CREATE, Slot, create, discard, reserved
from .transfer import transfer
from .version_files import keeping

_VECTOR = 1000
"""Chunks written in one call; the kernel takes 1024."""


class Draft:
    """One file that is being written. All methods block.

    `discard` may be called at any time and from any thread, also while another method runs in one that nobody listens to any
    more: it waits for that one, and later calls of others do nothing but raise.
    """

    def __init__(self, ground: Ground, path: Path, intent: Intent) -> None:
        """Nothing is opened yet. Raises `InvalidRequest` for an unknown checksum algorithm."""
        self._ground = ground
        self._path = path
        self._intent = intent
        self._digests = Digests([*intent.compute, *(checksum.algorithm for checksum in intent.checksums)])
        self._lock = threading.Lock()
        self._over = False
        self._slot: Slot | None = None
        self._fd = -1
        self._length = 0

    def begin(self) -> None:
        """Make the temporary file, and refuse what can be refused without the content."""
        with self._lock, guarded(self._path):
            self._check()
            with self._ground.spot(self._path, follow=True) as spot:
                check_place(self._ground, spot, self._intent.expected)
                self._slot, self._fd = create(self._ground, spot, sure=True)
                check_room(self._fd, self._intent.size)

    def append(self, chunks: list[bytes]) -> None:
        """Write the next bytes. Raises `LengthMismatch` when there are more than announced."""
        with self._lock, guarded(self._path):
            self._check()
            self._append(chunks)

    def publish(self, chunks: list[bytes]) -> Written:
        """Write the last bytes, verify, and put the file in its place."""
        with self._lock, guarded(self._path):
            self._check()
            self._append(chunks)
            with self._ground.spot(self._path, follow=True) as spot:
                written = self._finish(spot)
            self._close()
            return written

    def store(self, chunks: list[bytes]) -> Written:
        """`begin` and `publish` at once; cleans up after itself."""
        with self._lock, guarded(self._path):
            try:
                with self._ground.spot(self._path, follow=True) as spot:
                    if self._ground.guise is not None:
                        check_place(self._ground, spot, self._intent.expected)
                    # Little is lost if it has to be written twice.
                    self._slot, self._fd = create(self._ground, spot, sure=False)
                    self._append(chunks)
                    return self._finish(spot)
            finally:
                self._close()

    def discard(self) -> None:
        """Remove the temporary file unless it was published."""
        with self._lock:
            self._close()

    def _check(self) -> None:
        if self._over:
            raise Disconnected("the transfer was given up")

    def _append(self, chunks: list[bytes]) -> None:
        self._length += sum(map(len, chunks))
        if self._intent.size is not None and self._length > self._intent.size:
            raise LengthMismatch(f"the content is longer than the {self._intent.size} bytes announced")
        write_all(self._fd, chunks)
        if self._digests:
            for chunk in chunks:
                self._digests.update(chunk)

    def _finish(self, spot: Spot) -> Written:
        if self._intent.size is not None and self._length != self._intent.size:
            raise LengthMismatch(f"{self._length} bytes came, {self._intent.size} were announced")
        self._digests.verify(self._intent.checksums)
        assert self._slot is not None
        written = publish(self._ground, self._slot, self._fd, spot, self._intent, self._digests.text())
        self._slot.close()
        self._slot = None
        return written

    def _close(self) -> None:
        self._over = True
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        slot, self._slot = self._slot, None
        if slot is not None:
            discard(slot)


def check_room(fd: int, size: int | None) -> None:
    """Raise `QuotaExceeded` if `size` bytes do not fit on the file system of `fd`, `Forbidden` if it is read-only."""
    room = os.fstatvfs(fd)
    if room.f_flag & os.ST_RDONLY:
        raise Forbidden("the storage is read-only")
    if size and room.f_blocks and room.f_bavail * room.f_frsize < size:
        raise QuotaExceeded(f"{size} bytes do not fit on the storage")


def write_all(fd: int, chunks: list[bytes], offset: int | None = None) -> None:
    """Write `chunks` one after the other, at `offset` or where the descriptor stands."""
    for start in range(0, len(chunks), _VECTOR):
        some = chunks[start : start + _VECTOR] if len(chunks) > _VECTOR else chunks
        wanted = sum(map(len, some))
        done = os.writev(fd, some) if offset is None else os.pwritev(fd, some, offset)
        if offset is not None:
            offset += done
        if done < wanted:
            rest = memoryview(b"".join(some))[done:]
            while rest:
                done = os.write(fd, rest) if offset is None else os.pwrite(fd, rest, offset)
                rest = rest[done:]
                if offset is not None:
                    offset += done


def publish(ground: Ground, slot: Slot, fd: int, spot: Spot, intent: Intent, checksums: str) -> Written:
    """Put the verified file `fd`, which lies in `slot`, at `spot`. The slot is empty afterwards.

    What is replaced hands down mode, ACL, ``user.*`` attributes and, unless `intent` names another, its id. If `spot` turns out
    to lie on another file system, the content is first copied beside it.
    """
    try:
        return _publish(ground, slot, fd, spot, intent, checksums)
    except OSError as error:
        if error.errno != errno.EXDEV or slot.beside:
            raise
    with reserved(spot, "tmp", beside=True) as near:
        copy = os.open(near.name, CREATE, 0o666, dir_fd=near.fd)
        try:
            transfer(fd, copy)
            written = _publish(ground, near, copy, spot, intent, checksums)
        finally:
            os.close(copy)
    discard(slot)
    return written


def _publish(ground: Ground, slot: Slot, fd: int, spot: Spot, intent: Intent, checksums: str) -> Written:
    there = check_expected(ground, spot, intent.expected)
    own = own_of(spot.root, fd, b"")
    id = intent.id
    mine: os.stat_result | None = None
    acting = ground.guise is not None
    if there is None or acting:
        settle(fd, spot.fd, acting=acting)
    if there is not None:
        mine = os.fstat(fd)
        recorded = carry(proc_path(spot.fd, spot.name), there, fd, mine, acting=acting)
        if not id:
            id = _id_at(spot, recorded)
    if intent.mtime_ns is not None:
        os.utime(fd, ns=(intent.mtime_ns, intent.mtime_ns))
        mine = None
    identity = Identity(id or own, own, checksums)
    if checksums:
        keep(fd, identity, mine or os.fstat(fd))
    elif identity.id != own:
        keep(fd, identity, None)
    expected = intent.expected
    durability = ground.options.durability
    flush(fd, durability)
    with ground.publishing:
        if durability is not Durability.NONE or not isinstance(expected, Target):
            # That took its time; or it has to be told from what others of this process publish.
            there = check_expected(ground, spot, expected)
        try:
            if expected is Target.NOTHING:
                rename_new(slot.fd, slot.name, spot)
            else:
                with keeping(ground, spot, there, identity.id):
                    os.rename(slot.name, spot.name, src_dir_fd=slot.fd, dst_dir_fd=spot.fd)
        except AlreadyExists as error:
            raise PreconditionFailed(f"{spot.path}: the name is taken") from error
        except FileNotFoundError as error:
            raise _vanished(fd, spot.path) from error
    if durability is Durability.FULL:
        spot.sync()
    state = os.fstat(fd)
    node = node_of(split(spot.path)[1], state)
    if checksums:
        node = node._replace(checksums=checksums)
    return Written(node, there is not None, identity)


def flush(fd: int, durability: Durability) -> None:
    """Bring content to the disk as far as `durability` says."""
    if durability is Durability.DATA:
        os.fdatasync(fd)
    elif durability is Durability.FULL:
        os.fsync(fd)


def _id_at(spot: Spot, recorded: bool) -> str:
    try:
        if not recorded:
            return own_of(spot.root, spot.fd, spot.name)
        return identify(spot.root, spot.fd, spot.name).id
    except FileNotFoundError:
        return ""


def _vanished(fd: int, path: Path) -> ClawgateError:
    if os.fstat(fd).st_nlink == 0:
        return StorageBroken(f"{path}: the temporary file was removed by somebody else")
    return ParentMissing(f"{path}: there is no such folder any more")
