"""Moves, and replacing what cannot be replaced by one rename: a folder, or a file by a folder.

A replacement in more than one step leaves a note before the first one. What is to be shown waits as ``in-TOKEN`` in the staging
folder and then changes places with what it replaces in one step (RENAME_EXCHANGE); where the file system cannot, what it replaces
steps aside as ``old-TOKEN`` first. `recover` reads the notes of processes that were killed: as long as the new is not in its
place everything is put back, afterwards the rest is thrown away. So the old stands there or the new, and neither gets lost.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from stat import S_ISDIR, S_ISLNK

from ...errors import AlreadyExists, ClawgateError, Forbidden, InvalidRequest, NotFound, NotSupported
from ...log import make_logger
from ...model.node import Node
from ...model.path import ROOT, Path, is_within, parent, split
from . import kernel
from .failures import guarded
from .ground import Descriptor, Ground, Spot, node_of
from .identity import own_of
from .options import Durability
from .permitting import check_removing
from .publishing import rename_new
from .staging import Slot, is_owned, open_staging, token
from .trash_bin import Bin, Reserved, link, reserving, unlink

log = make_logger()

_NOTE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def move(ground: Ground, source: Path, target: Path, *, replace: bool) -> tuple[Node, Slot | None]:
    """As `Storage.move`; also returns the slot with what was replaced, if that still has to be deleted."""
    if source == target:
        return ground.look(source), None
    if source and (is_within(target, source) or (target and is_within(source, target))):
        raise InvalidRequest("a folder cannot be moved into itself or onto a folder that holds it")
    with guarded(source), ground.spot(source, missing=NotFound) as old:
        state = ground.present(old)
        with ground.spot(target) as new:
            if S_ISLNK(state.st_mode) and parent(source) != parent(target):
                raise Forbidden(f"{source}: a link cannot be moved to another folder")
            rest = _move(ground, old, new, state, replace)
            now = new.state()
            if now is None or S_ISLNK(now.st_mode):
                return ground.look(target), rest
            if ground.options.durability is Durability.FULL:
                new.sync()
                old.sync()
            return node_of(split(target)[1], now), rest


def _move(ground: Ground, old: Spot, new: Spot, state: os.stat_result, replace: bool) -> Slot | None:
    with ground.publishing:
        there = ground.occupant(new)
        if there is None:
            rename_new(old.fd, old.name, new)
            return None
        same = (there.st_ino, there.st_dev) == (state.st_ino, state.st_dev)
        if not replace and not (same and state.st_nlink == 1):
            raise AlreadyExists(f"{new.path}: the name is taken")
        if same or not (S_ISDIR(there.st_mode) or S_ISDIR(state.st_mode)):
            if same or not _kept(ground, old, new, there):
                os.rename(old.name, new.name, src_dir_fd=old.fd, dst_dir_fd=new.fd)
            # rename(2) does nothing for two names of one file. (With one name only, the case of its letters was changed.)
            if same and state.st_nlink > 1:
                os.unlink(old.name, dir_fd=old.fd)
            return None
        if ground.guise is not None and S_ISDIR(there.st_mode):
            if S_ISDIR(state.st_mode) and _took_empty(old, new):
                return None
            check_removing(ground, new)
        with reserving(ground, new, there, lambda: own_of(old.root, old.fd, old.name)) as reserved:
            return _replace(old, new, reserved)


def _kept(ground: Ground, old: Spot, new: Spot, there: os.stat_result) -> bool:
    """Whether the file at `old` took the place of the one at `new`, which went into the trash. False: there is none."""
    with reserving(ground, new, there, lambda: own_of(old.root, old.fd, old.name)) as reserved:
        if reserved is None:
            return False
        if not link(reserved, new):
            _replace(old, new, reserved)
            return True
        try:
            os.rename(old.name, new.name, src_dir_fd=old.fd, dst_dir_fd=new.fd)
        except BaseException:
            unlink(reserved)
            raise
        return True


def overwrite(ground: Ground, slot: Slot, spot: Spot, there: os.stat_result) -> None:
    """Let the finished copy of a file in `slot` take the place of the file at `spot`, which goes into the trash."""
    own = own_of(spot.root, slot.fd, slot.name)
    with reserving(ground, spot, there, lambda: own) as reserved:
        if reserved is not None and not link(reserved, spot):
            _change_places(reserved, slot, spot, own)
            return
        try:
            os.rename(slot.name, spot.name, src_dir_fd=slot.fd, dst_dir_fd=spot.fd)
        except BaseException:
            if reserved is not None:
                unlink(reserved)
            raise


def _took_empty(old: Spot, new: Spot) -> bool:
    """Whether the folder at `old` could take the place of an empty one, which asks for no right on that one."""
    try:
        os.rename(old.name, new.name, src_dir_fd=old.fd, dst_dir_fd=new.fd)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def _replace(old: Spot, new: Spot, reserved: Reserved | None) -> Slot | None:
    slot = Slot(open_staging(old.root), b"in-" + token()) if reserved is None else reserved.slot()
    try:
        with _Note(old.root, slot, own_of(old.root, old.fd, old.name), old.path, new.path, trash=reserved is not None):
            os.rename(old.name, slot.name, src_dir_fd=old.fd, dst_dir_fd=slot.fd)
            try:
                if not _exchange(slot, new):
                    _step_aside(slot, new)
            except BaseException:
                rename_new(slot.fd, slot.name, old)
                raise
    except BaseException:
        slot.close()
        raise
    if reserved is not None:
        slot.close()
        return None
    return slot


def supplant(ground: Ground, slot: Slot, spot: Spot, there: os.stat_result) -> bool:
    """Let the finished copy in `slot` (kind ``in``) and what stands at `spot` change places; that one goes into the trash, where
    there is one. Returns whether something lies in `slot` now. Raises `NotSupported`."""
    if slot.beside:
        if not _exchange(slot, spot):
            raise NotSupported(f"{spot.path}: this file system cannot replace a folder in one step")
        return True
    own = own_of(spot.root, slot.fd, slot.name)
    with reserving(ground, spot, there, lambda: own) as reserved:
        if reserved is None:
            if not _exchange(slot, spot):
                with _Note(spot.root, slot, own, ROOT, spot.path):
                    _step_aside(slot, spot)
            return True
        _change_places(reserved, slot, spot, own)
        return False


def _change_places(reserved: Reserved, slot: Slot, spot: Spot, own: str) -> None:
    """What is in `slot`, called `own`, goes to `spot` by way of the trash, in which the other one stays."""
    room = reserved.slot()
    try:
        os.rename(slot.name, room.name, src_dir_fd=slot.fd, dst_dir_fd=room.fd)
        try:
            if not _exchange(room, spot):
                with _Note(spot.root, room, own, ROOT, spot.path, trash=True):
                    _step_aside(room, spot)
        except BaseException:
            os.rename(room.name, slot.name, src_dir_fd=room.fd, dst_dir_fd=slot.fd)
            raise
    finally:
        room.close()


def _exchange(slot: Slot, spot: Spot) -> bool:
    """Change places in one step; False where the file system cannot."""
    try:
        kernel.rename(slot.fd, slot.name, spot.fd, spot.name, kernel.RENAME_EXCHANGE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return True


def _step_aside(slot: Slot, spot: Spot) -> None:
    """Change places in two steps, which only a note makes safe."""
    aside = b"old-" + slot.token
    os.rename(spot.name, aside, src_dir_fd=spot.fd, dst_dir_fd=slot.fd)
    try:
        rename_new(slot.fd, slot.name, spot)
    except BaseException:
        rename_new(slot.fd, aside, spot)
        raise
    os.rename(aside, slot.name, src_dir_fd=slot.fd, dst_dir_fd=slot.fd)


class _Note:
    """What is being replaced, for `recover`; locked while its writer lives, gone when all is well."""

    def __init__(self, root: Descriptor, slot: Slot, own: str, source: Path, target: Path, *, trash: bool = False) -> None:
        """What is in, or will be in, `slot` is called `own`, came from `source` (the root: is a copy) and goes to `target`.
        `trash`: the slot lies in the trash."""
        self._root = root
        self._staging = -1
        self._name = b"note-" + slot.token
        fields = {"own": own, "source": source, "target": target}
        self._text = json.dumps(fields | {"trash": slot.name.decode()} if trash else fields).encode()
        self._fd = -1

    def __enter__(self) -> None:
        self._staging = open_staging(self._root)
        try:
            self._write()
        except BaseException:
            os.close(self._staging)
            raise

    def _write(self) -> None:
        self._fd = os.open(self._name, _NOTE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._staging)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            os.write(self._fd, self._text)
        except BaseException:
            self._remove()
            raise

    def __exit__(self, *error: object) -> None:
        try:
            self._remove()
        finally:
            os.close(self._staging)

    def _remove(self) -> None:
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._name, dir_fd=self._staging)
        finally:
            os.close(self._fd)


def recover(ground: Ground) -> int:
    """Undo or finish replacements whose process was killed; returns how many. Safe while others work."""
    try:
        staging = open_staging(ground.root(), create=False)
    except FileNotFoundError:
        return 0
    count = 0
    try:
        for raw in os.listdir(staging):
            name = os.fsencode(raw)
            if name.startswith(b"note-") and (ground.owner is None or is_owned(staging, name, ground.owner)):
                with contextlib.suppress(FileNotFoundError):
                    count += _recover(ground, staging, name)
    finally:
        os.close(staging)
    return count


def _recover(ground: Ground, staging: int, note: bytes) -> bool:
    fd = os.open(note, _NOTE, dir_fd=staging)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        text = os.read(fd, 65536)
        with contextlib.suppress(ValueError):
            fields = json.loads(text)
            own, source, target = str(fields["own"]), Path(fields["source"]), Path(fields["target"])
            unique = note.removeprefix(b"note-")
            if "trash" in fields:
                with contextlib.suppress(FileNotFoundError), Bin(ground, create=False) as bin:
                    _undo_trashing(ground, bin, str(fields["trash"]).encode(), unique, own, source, target)
            else:
                _undo(ground, staging, unique, own, source, target)
        os.unlink(note, dir_fd=staging)
    finally:
        os.close(fd)
    return True


def _undo(ground: Ground, staging: int, unique: bytes, own: str, source: Path, target: Path) -> None:
    new = b"in-" + unique
    old = b"old-" + unique
    try:
        waiting = own_of(ground.root(), staging, new) == own
    except FileNotFoundError:
        waiting = False
    if waiting and _arrived(ground, own, target):
        os.unlink(new, dir_fd=staging)
        waiting = False
    if waiting:
        if _exists(staging, old):
            _put_back(ground, staging, old, target)
        if source:
            _put_back(ground, staging, new, source)


def _undo_trashing(ground: Ground, bin: Bin, name: bytes, unique: bytes, own: str, source: Path, target: Path) -> None:
    """The same where the slot called `name` lies in the trash, in which what was replaced stays."""
    old = b"old-" + unique
    try:
        waiting = own_of(ground.root(), bin.files, name) == own
    except FileNotFoundError:
        waiting = False
    if waiting and _arrived(ground, own, target):
        os.unlink(name, dir_fd=bin.files)
        waiting = False
    if not waiting:
        if _exists(bin.files, old):
            os.rename(old, name, src_dir_fd=bin.files, dst_dir_fd=bin.files)
        return
    if _exists(bin.files, old):
        _put_back(ground, bin.files, old, target)
    if source:
        _put_back(ground, bin.files, name, source)
        bin.forget(name)


def _arrived(ground: Ground, own: str, target: Path) -> bool:
    """Whether what is called `own` is at `target` as well: a file has two names for a moment where there is no other way."""
    try:
        with guarded(target), ground.spot(target) as spot:
            return own_of(spot.root, spot.fd, spot.name) == own
    except ClawgateError:
        return False


def _put_back(ground: Ground, staging: int, name: bytes, path: Path) -> None:
    try:
        with guarded(path), ground.spot(path) as spot:
            rename_new(staging, name, spot)
    except ClawgateError:
        lost = b"lost-" + name
        os.rename(name, lost, src_dir_fd=staging, dst_dir_fd=staging)
        log.error("an interrupted move could not be undone: {path} lies in {name} of the staging folder", path=path, name=lost)


def _exists(folder: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
