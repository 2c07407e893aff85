"""The folders of a trash: ``files`` holds what was removed, ``info`` a note on each (`trash_info`), under the same name.

A note is written before something comes and goes after it has left, so that a kill leaves a note too many at most. Everything
comes and goes by one rename. What is replaced by something else has a note that names its successor: as long as that one lies
here itself, or the old one is still at its place as well, the replacement was not made and the entry does not count.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from stat import S_ISDIR
from types import TracebackType

from ...errors import ClawgateError, NotFound
from ...interfaces import Trashed
from ...model.node import Node
from ...model.path import Path, split
from . import confined, trash_info
from .ground import READ, Ground, Spot, is_shown, node_of, sync_folder
from .identity import identify, keep
from .names import path_to_bytes, to_text
from .options import Durability, TrashPlace
from .staging import CREATE, Slot, delete, open_staging, token
from .trash_info import TrashInfo
from .trash_places import base_of, open_place

SUFFIX = b".trashinfo"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = (errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)
"""Why a hard link may not be had."""


class Bin:
    """The open folders of the trash of one tree. Closed by leaving its context. All methods block."""

    def __init__(self, ground: Ground, *, create: bool = True) -> None:
        """Raises `FileNotFoundError` if there is none and it is not to be made."""
        self._ground = ground
        self._root = ground.root()
        self.files = self.info = -1
        place = open_place(self._root, ground.trash_way, create=create)
        try:
            self.files = _folder(place, b"files", create=create)
            self.info = _folder(place, b"info", create=create)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(place)

    def __enter__(self) -> Bin:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folders."""
        fds, self.files, self.info = (self.files, self.info), -1, -1
        for fd in fds:
            if fd >= 0:
                os.close(fd)

    def note(self, origin: Path, known: Node | None, successor: str = "") -> bytes:
        """Announce something that will come from `origin`; returns the name that it must have."""
        now = time.time()
        name = b"%d-%s" % (now, token())
        size = known.size if known is not None else None
        info = TrashInfo(origin, now, known.id if known is not None else "", size, successor)
        fd = os.open(name + SUFFIX, CREATE, 0o600, dir_fd=self.info)
        try:
            os.write(fd, trash_info.write(info, base_of(self._ground)))
            if self._ground.options.durability is Durability.FULL:
                os.fsync(fd)
        finally:
            os.close(fd)
        return name

    def forget(self, name: bytes) -> None:
        """Remove a note."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name + SUFFIX, dir_fd=self.info)

    def take(self, spot: Spot, known: Node | None) -> None:
        """Move what stands at `spot` here. Raises `OSError`, EXDEV between file systems."""
        name = self.note(spot.path, known)
        try:
            os.rename(spot.name, name, src_dir_fd=spot.fd, dst_dir_fd=self.files)
        except BaseException:
            self.forget(name)
            raise
        self.sync()

    def sync(self) -> None:
        """Bring the folders to the disk, if that is asked for."""
        if self._ground.options.durability is Durability.FULL:
            sync_folder(self.info)
            sync_folder(self.files)

    def names(self) -> list[bytes]:
        """Of all that is here."""
        return [os.fsencode(name) for name in os.listdir(self.files)]

    def name_of(self, key: str) -> bytes:
        """What has this key. Raises `NotFound`."""
        name = key.encode("ascii", "replace")
        if key and key_of(name) == key and b"/" not in name:
            return name
        if key.startswith("x-"):
            for name in self.names():
                if key_of(name) == key:
                    return name
        raise NotFound("there is nothing like this in the trash")

    def entry(self, name: bytes) -> tuple[Trashed, TrashInfo] | None:
        """What is said of something here; None: it is not there, or does not count."""
        try:
            state = os.stat(name, dir_fd=self.files, follow_symlinks=False)
            if not is_shown(state):
                return None
            info = self._read(name, state)
            identity = identify(self._root, self.files, name)
        except FileNotFoundError:
            return None
        if info.successor and self._is_undone(state, info, identity.own):
            return None
        node = node_of(split(info.origin)[1], state)._replace(id=info.id or identity.id, checksums=identity.checksums)
        if info.size is not None and node.is_folder:
            node = node._replace(size=info.size)
        return Trashed(key_of(name), node, info.origin, info.removed), info

    def find(self, key: str) -> tuple[bytes, Trashed, TrashInfo]:
        """Name and facts. Raises `NotFound`."""
        name = self.name_of(key)
        found = self.entry(name)
        if found is None:
            raise NotFound("there is nothing like this in the trash")
        return name, *found

    def open(self, key: str, path: Path, flags: int) -> int:
        """Open what lies at `path` within something here. Raises `NotFound`, `OSError`."""
        name, _, _ = self.find(key)
        raw = name + b"/" + path_to_bytes(path) if path else name
        return confined.open_beneath(self.files, raw, flags | os.O_NOFOLLOW, follow=False, ask_kernel=self._ground.ask_kernel)

    def carry_id(self, name: bytes, info: TrashInfo) -> None:
        """Let something here carry the id that it had, as well as the file system can keep it."""
        identity = identify(self._root, self.files, name)
        if info.id and identity.id != info.id:
            path = b"/proc/self/fd/%d/%s" % (self.files, name)
            keep(path, identity._replace(id=info.id, checksums=""), None)

    def sweep(self, older_than: float, now: float) -> int:
        """Remove what kills have left and is older than `older_than` seconds: notes on nothing, and what does not count."""
        removed = 0
        there = set(self.names())
        for raw in os.listdir(self.info):
            name = os.fsencode(raw)
            if not name.endswith(SUFFIX) or not _is_ours(name.removesuffix(SUFFIX)):
                continue
            with contextlib.suppress(FileNotFoundError):
                if now - os.stat(name, dir_fd=self.info, follow_symlinks=False).st_ctime < older_than:
                    continue
                name = name.removesuffix(SUFFIX)
                if name in there and self.entry(name) is not None:
                    continue
                if name in there:
                    delete(self.files, name)
                self.forget(name)
                removed += 1
        return removed

    def _read(self, name: bytes, state: os.stat_result) -> TrashInfo:
        otherwise = TrashInfo(Path(to_text(name)), state.st_ctime)
        try:
            fd = os.open(name + SUFFIX, READ | os.O_NOFOLLOW, dir_fd=self.info)
        except OSError:
            return otherwise
        try:
            return trash_info.read(os.read(fd, trash_info.LIMIT), otherwise, base_of(self._ground))
        finally:
            os.close(fd)

    def _is_undone(self, state: os.stat_result, info: TrashInfo, own: str) -> bool:
        if own == info.successor:
            return True
        if state.st_nlink < 2 or S_ISDIR(state.st_mode):
            return False
        try:
            with self._ground.spot(info.origin) as spot:
                there = spot.state()
        except ClawgateError:
            return False
        return there is not None and os.path.samestat(there, state)


def key_of(name: bytes) -> str:
    """The key of what is called `name` here: the name itself if we have given it."""
    return name.decode() if _is_ours(name) else "x-" + blake2b(name, digest_size=16).hexdigest()


def _is_ours(name: bytes) -> bool:
    seconds, dash, unique = name.partition(b"-")
    return bool(dash) and seconds.isdigit() and len(seconds) < 20 and len(unique) == 32 and unique.isalnum()


def _folder(place: int, name: bytes, *, create: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=place)
    except FileNotFoundError:
        if not create:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=place)
    return os.open(name, _FOLDER, dir_fd=place)


class Reserved:
    """A name in the trash for what is about to be replaced, with its note."""

    def __init__(self, bin: Bin, name: bytes) -> None:
        self.bin = bin
        self.name = name

    def slot(self) -> Slot:
        """The same as a slot, of whose folder this keeps hold."""
        return Slot(os.dup(self.bin.files), self.name)


@contextlib.contextmanager
def reserving(ground: Ground, spot: Spot, there: os.stat_result, own: Callable[[], str]) -> Iterator[Reserved | None]:
    """A name in the trash for what stands at `spot`, which something with the own name `own` is about to replace; given back if
    that fails. None: there is no trash, or none on this file system."""
    if ground.options.trash is TrashPlace.NONE or not is_shown(there) or there.st_dev != spot.root.device:
        yield None
        return
    with Bin(ground) as bin:
        name = bin.note(spot.path, None, own())
        try:
            yield Reserved(bin, name)
        except BaseException:
            bin.forget(name)
            raise
        bin.sync()


def link(reserved: Reserved, spot: Spot) -> bool:
    """Let the file at `spot` have a second name in the trash; False where that cannot be had."""
    try:
        os.link(spot.name, reserved.name, src_dir_fd=spot.fd, dst_dir_fd=reserved.bin.files, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def unlink(reserved: Reserved) -> None:
    """Take the second name away."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(reserved.name, dir_fd=reserved.bin.files)


def sweep(ground: Ground, older_than: float, now: float) -> int:
    """`Bin.sweep`, if there is a trash."""
    if ground.options.trash is TrashPlace.NONE:
        return 0
    try:
        with Bin(ground, create=False) as bin:
            return bin.sweep(older_than, now)
    except FileNotFoundError:
        return 0


def staging_slot(ground: Ground) -> Slot:
    """A free name in the staging folder, for what goes for good."""
    return Slot(open_staging(ground.root()), b"trash-" + token())
