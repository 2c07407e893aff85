"""Copies within the tree: built out of sight, shown in one step."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from stat import S_IMODE, S_ISDIR, S_ISGID, S_ISREG, S_IWUSR

from ...errors import AlreadyExists, Disconnected, Forbidden, InvalidRequest, NotFound
from ...model.node import Node
from ...model.path import Path, is_within, split
from . import confined, kernel
from .attributes import carry
from .draft import flush
from .failures import guarded
from .ground import BESIDE, STAGING, Ground, Spot, node_of
from .moving import overwrite, supplant
from .names import path_to_bytes
from .permitting import check_replacing
from .persona import give_to_group
from .publishing import rename_new
from .staging import CREATE, Slot, discard, reserve
from .transfer import transfer

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC


class Copying:
    """One copy. Keeps times, mode, ACL and ``user.*`` attributes; ids are new. Links and special files are left out."""

    def __init__(self, ground: Ground, source: Path, target: Path, *, replace: bool, deep: bool) -> None:
        self._ground = ground
        self._source = source
        self._target = target
        self._replace = replace
        self._deep = deep
        self._stopped = False
        self._group: int | None = None
        self._acting = ground.guise is not None

    def stop(self) -> None:
        """Give up soon; may be called from another thread."""
        self._stopped = True

    def run(self) -> tuple[Node, Slot | None]:
        """Copy; blocks. As `Copy.copy`; also returns the slot with what was replaced, if that still has to be deleted."""
        source, target = self._source, self._target
        with guarded(source):
            probed, state = self._ground.probe(source)
            os.close(probed)
            if source == target or (S_ISDIR(state.st_mode) and is_within(target, source)) or is_within(source, target):
                raise InvalidRequest("nothing can be copied into itself or onto a folder that holds it")
        with guarded(target), self._ground.spot(target) as spot:
            self._check_target(spot, S_ISDIR(state.st_mode))
            folder = os.fstat(spot.fd)
            self._group = folder.st_gid if folder.st_mode & S_ISGID else None
            slot = reserve(spot, "in")
            try:
                if S_ISDIR(state.st_mode):
                    self._copy_tree(slot)
                else:
                    self._copy_file(slot)
                replaced = self._publish(slot, spot)
            except BaseException:
                discard(slot)
                raise
            if not replaced:
                slot.close()
            now = spot.state()
            if now is None:
                raise NotFound(f"{target}: removed meanwhile")
            return node_of(split(target)[1], now), slot if replaced else None

    def _check_target(self, spot: Spot, is_folder: bool) -> None:
        there = self._ground.occupant(spot)
        if there is not None and not self._replace:
            raise AlreadyExists(f"{spot.path}: the name is taken")
        if self._acting and not kernel.allowed(spot.fd, b"", os.W_OK | os.X_OK):
            raise Forbidden(f"{spot.path}: the storage does not permit this")
        if there is not None:
            check_replacing(self._ground, spot, there, by_file=not is_folder)

    def _publish(self, slot: Slot, spot: Spot) -> bool:
        """Show the copy; returns whether something lies in the slot now."""
        with self._ground.publishing, _writable(slot):
            there = self._ground.occupant(spot)
            if there is not None and not self._replace:
                raise AlreadyExists(f"{spot.path}: the name is taken")
            mine = os.stat(slot.name, dir_fd=slot.fd, follow_symlinks=False)
            if there is None:
                rename_new(slot.fd, slot.name, spot)
            elif S_ISDIR(there.st_mode) or S_ISDIR(mine.st_mode):
                if not supplant(self._ground, slot, spot, there):
                    there = None
            else:
                overwrite(self._ground, slot, spot, there)
                there = None
        if self._ground.options.durability.value == "full":
            spot.sync()
        return there is not None

    def _copy_file(self, slot: Slot) -> None:
        fd, _ = self._ground.open_file(self._source)
        try:
            self._fill(fd, slot.fd, slot.name)
        finally:
            os.close(fd)

    def _fill(self, source: int, folder: int, name: bytes) -> None:
        target = os.open(name, CREATE, 0o600, dir_fd=folder)
        try:
            before = os.fstat(source)
            transfer(source, target, lambda: self._stopped)
            self._finish(source, before, target)
            flush(target, self._ground.options.durability)
        finally:
            os.close(target)

    def _finish(self, source: int, state: os.stat_result, target: int) -> None:
        if self._group is not None and self._acting:
            with contextlib.suppress(OSError):
                give_to_group(target, self._group)
        carry(source, state, target, os.fstat(target), acting=self._acting, group=not (self._group and self._acting))
        if self._group is not None:
            if not self._acting:
                os.fchown(target, -1, self._group)
            if S_ISDIR(state.st_mode):
                os.fchmod(target, S_IMODE(os.fstat(target).st_mode) | S_ISGID)
        os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))

    def _copy_tree(self, slot: Slot) -> None:
        """Folder by folder, each opened anew from the top, so that no depth needs more than a few descriptors."""
        source = self._ground.open(self._source, os.O_RDONLY | os.O_DIRECTORY)
        target = -1
        try:
            os.mkdir(slot.name, 0o700, dir_fd=slot.fd)
            target = os.open(slot.name, _FOLDER, dir_fd=slot.fd)
            folders = [b""]
            done = 0
            while done < len(folders):
                folders += self._each(source, target, folders[done], self._copy_folder)
                done += 1
            # Times and modes last, deepest first: what is made inside a folder changes its time.
            for path in reversed(folders):
                self._each(source, target, path, self._finish_folder)
        finally:
            os.close(source)
            if target >= 0:
                os.close(target)

    def _each(self, source: int, target: int, path: bytes, work: Callable[[int, int, bytes], list[bytes]]) -> list[bytes]:
        flags = os.O_RDONLY | os.O_DIRECTORY
        ask = self._ground.ask_kernel
        old = confined.open_beneath(source, path, flags, follow=False, ask_kernel=ask)
        try:
            new = confined.open_beneath(target, path, flags, follow=False, ask_kernel=ask)
            try:
                return work(old, new, path)
            finally:
                os.close(new)
        finally:
            os.close(old)

    def _copy_folder(self, old: int, new: int, path: bytes) -> list[bytes]:
        folders: list[bytes] = []
        if not self._deep:
            return folders
        above, _, trash = self._ground.trash_way.rpartition(b"/")
        hidden = trash if b"/".join(filter(None, (path_to_bytes(self._source), path))) == above else b""
        with os.scandir(old) as entries:
            for entry in entries:
                if self._stopped:
                    raise Disconnected("the copy was given up")
                name = os.fsencode(entry.name)
                if name == hidden or name.startswith(BESIDE) or (name == STAGING and not self._source and not path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    os.mkdir(name, 0o700, dir_fd=new)
                    folders.append(path + b"/" + name if path else name)
                elif entry.is_file(follow_symlinks=False):
                    fd = os.open(name, _FILE, dir_fd=old)
                    try:
                        if S_ISREG(os.fstat(fd).st_mode):
                            self._fill(fd, new, name)
                    finally:
                        os.close(fd)
        return folders

    def _finish_folder(self, old: int, new: int, path: bytes) -> list[bytes]:
        self._finish(old, os.fstat(old), new)
        return []


@contextlib.contextmanager
def _writable(slot: Slot) -> Iterator[None]:
    """Open up the folder in the slot for its owner meanwhile: to go to another folder, its ".." has to be written."""
    fd = os.open(slot.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=slot.fd)
    try:
        mode = os.fstat(fd).st_mode
        narrow = S_ISDIR(mode) and not kernel.allowed(fd, b"", os.W_OK)
        if narrow:
            os.chmod(b"/proc/self/fd/%d" % fd, S_IMODE(mode) | S_IWUSR)
        yield
        if narrow:
            os.chmod(b"/proc/self/fd/%d" % fd, S_IMODE(mode))
    finally:
        os.close(fd)
