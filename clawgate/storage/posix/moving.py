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
from .ground import Ground, Spot, node_of
from .identity import own_of
from .options import Durability
from .permitting import check_removing
from .publishing import rename_new
from .staging import Slot, is_owned, open_staging, token

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
            os.rename(old.name, new.name, src_dir_fd=old.fd, dst_dir_fd=new.fd)
            # rename(2) does nothing for two names of one file. (With one name only, the case of its letters was changed.)
            if same and state.st_nlink > 1:
                os.unlink(old.name, dir_fd=old.fd)
            return None
        if ground.guise is not None and S_ISDIR(there.st_mode):
            if S_ISDIR(state.st_mode) and _took_empty(old, new):
                return None
            check_removing(ground, new)
        return _replace(old, new)


def _took_empty(old: Spot, new: Spot) -> bool:
    """Whether the folder at `old` could take the place of an empty one, which asks for no right on that one."""
    try:
        os.rename(old.name, new.name, src_dir_fd=old.fd, dst_dir_fd=new.fd)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def _replace(old: Spot, new: Spot) -> Slot | None:
    staging = open_staging(old.root)
    slot = Slot(staging, b"in-" + token())
    try:
        with _Note(slot, own_of(old.root, old.fd, old.name), old.path, new.path):
            os.rename(old.name, slot.name, src_dir_fd=old.fd, dst_dir_fd=staging)
            try:
                if not _exchange(slot, new):
                    _step_aside(slot, new)
            except BaseException:
                rename_new(staging, slot.name, old)
                raise
    except BaseException:
        slot.close()
        raise
    return slot


def supplant(slot: Slot, spot: Spot) -> None:
    """Let the finished copy in `slot` (kind ``in``) and what stands at `spot` change places. Raises `NotSupported`."""
    if _exchange(slot, spot):
        return
    if slot.beside:
        raise NotSupported(f"{spot.path}: this file system cannot replace a folder in one step")
    with _Note(slot, own_of(spot.root, slot.fd, slot.name), ROOT, spot.path):
        _step_aside(slot, spot)


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

    def __init__(self, slot: Slot, own: str, source: Path, target: Path) -> None:
        """What is in, or will be in, `slot` is called `own`, came from `source` (the root: is a copy) and goes to `target`."""
        self._staging = slot.fd
        self._name = b"note-" + slot.token
        self._text = json.dumps({"own": own, "source": source, "target": target}).encode()
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = os.open(self._name, _NOTE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._staging)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            os.write(self._fd, self._text)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
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
            _undo(
                ground, staging, note.removeprefix(b"note-"), str(fields["own"]), Path(fields["source"]), Path(fields["target"])
            )
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
    if waiting:
        if _exists(staging, old):
            _put_back(ground, staging, old, target)
        if source:
            _put_back(ground, staging, new, source)


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
