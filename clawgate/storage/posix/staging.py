"""Where content stays until it is published, and what was removed until it is gone.

The folder ``.clawgate`` in the root of the tree holds, by the start of the name:

``tmp-``    content on its way
``part-``   content that arrives in pieces (`interfaces.Parts`); the rest of the name is the token in the handle
``trash-``  what was removed or replaced
``in-``     a copy on its way, or what is being moved over something else (`moving`)
``old-``, ``note-``  what had to step aside for it, and how to undo that
``away-``   says where a temporary file lies that had to be beside its target, on another file system
``generation``  how far the tree has come (`keepsake`); never removed
``trash``   a folder: what was removed and can come back (`trash_bin`)
``versions``  a folder: what was overwritten (`version_files`)
``lost-``   what could not be put back after a kill because its place was taken; never removed
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import stat
from collections.abc import Iterator

from ...errors import ClawgateError, NotFound, StorageUnavailable
from ...model.path import Path, parent
from . import kernel
from .ground import BESIDE, STAGING, Descriptor, Ground, Spot
from .shared_staging import check_owner, open_own

KEEPSAKE = b"generation"
"""How far the tree has come (`keepsake`)."""
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""How temporary files are opened."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Tokens:
    """Names that nobody else has: chosen at random for each process, then counted."""

    def __init__(self) -> None:
        self.renew()
        os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self._start = secrets.token_hex(11).encode()
        self._count = itertools.count()

    def __call__(self) -> bytes:
        return b"%s%010x" % (self._start, next(self._count))


token = _Tokens()
"""Makes what stands behind the dash in the names of temporary files: 32 hex digits."""


class Slot:
    """A free name in the staging folder, or beside a place on another file system."""

    __slots__ = ("_away", "_kept", "_staging", "fd", "name")

    def __init__(self, fd: int, name: bytes, staging: int = -1, away: bytes = b"", kept: Descriptor | None = None) -> None:
        self.fd = fd
        """The folder; the slot's own unless it is that of `kept`."""
        self.name = name
        self._staging = staging
        self._away = away
        self._kept = kept

    @property
    def token(self) -> bytes:
        """The random part of the name."""
        return self.name.rpartition(b"-")[2]

    @property
    def beside(self) -> bool:
        """Whether this is not in the staging folder."""
        return bool(self._away)

    def close(self) -> None:
        """Let go of the folder; nothing of this name is left there."""
        fd, self.fd = self.fd, -1
        if self._kept is not None:
            self._kept = None
        elif fd >= 0:
            if self._away:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._away, dir_fd=self._staging)
            os.close(fd)
            if self._staging >= 0:
                os.close(self._staging)


def open_staging(top: Descriptor, *, create: bool = True) -> int:
    """The descriptor of the staging folder in the root `top`. Raises `OSError`, ENOENT without `create` if there is none."""
    root = top.fd
    if top.person is not None and top.shared:
        return open_own(root, top.person, create=create)
    try:
        fd = os.open(STAGING, _FOLDER, dir_fd=root)
    except FileNotFoundError:
        if not create:
            raise
    else:
        check_owner(fd, top.person)
        return fd
    with contextlib.suppress(FileExistsError):
        os.mkdir(STAGING, 0o700, dir_fd=root)
    fd = os.open(STAGING, _FOLDER, dir_fd=root)
    # What the root hands down to new folders must not reach the files that are made here for other folders.
    with contextlib.suppress(OSError):
        os.removexattr(fd, "system.posix_acl_default")
    with contextlib.suppress(OSError):
        os.fchmod(fd, 0o700)
    return fd


def reserve(spot: Spot, kind: str, *, beside: bool = False) -> Slot:
    """A slot from which a rename to `spot` is possible; with `beside` surely next to it."""
    unique = token()
    staging = open_staging(spot.root)
    try:
        if not beside and os.fstat(staging).st_dev == os.fstat(spot.fd).st_dev:
            return Slot(staging, kind.encode() + b"-" + unique)
        away = b"away-" + unique
        fd = os.open(away, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=staging)
        try:
            os.write(fd, parent(spot.path).encode())
        finally:
            os.close(fd)
        return Slot(os.dup(spot.fd), BESIDE + unique, staging, away)
    except BaseException:
        os.close(staging)
        raise


def create(ground: Ground, spot: Spot, *, sure: bool) -> tuple[Slot, int]:
    """A slot for a file that is to be renamed to `spot`, and the new file in it, open. Raises `StorageUnavailable`, `OSError`.

    With `sure` it lies on the file system of `spot`; else it may turn out that the rename is not possible (EXDEV).
    """
    root = spot.root
    kept = root.staging
    name = b"tmp-" + token()
    while True:
        fresh = kept is None
        if kept is None:
            if ground.root(anew=True) is not root:
                raise StorageUnavailable("the storage was replaced meanwhile")
            kept = root.staging = Descriptor(open_staging(root))
        if sure and spot.fd != root.fd and os.fstat(spot.fd).st_dev != kept.device:
            slot = reserve(spot, "tmp", beside=True)
        else:
            slot = Slot(kept.fd, name, kept=kept)
        try:
            return slot, os.open(slot.name, CREATE, 0o666, dir_fd=slot.fd)
        except OSError as error:
            slot.close()
            if fresh or error.errno not in (errno.ENOENT, errno.ESTALE):
                raise
            # The folder was removed.
            kept = None


@contextlib.contextmanager
def reserved(spot: Spot, kind: str, *, beside: bool = False) -> Iterator[Slot]:
    """`reserve` as a context; what lies in the slot at its end is removed."""
    slot = reserve(spot, kind, beside=beside)
    try:
        yield slot
    finally:
        discard(slot)


def discard(slot: Slot) -> None:
    """Remove what lies in `slot`, whatever it is, and close it. What cannot be removed is left to the janitor."""
    try:
        with contextlib.suppress(OSError):
            delete(slot.fd, slot.name)
    finally:
        slot.close()


def delete(folder: int, name: bytes) -> None:
    """Delete a file or a whole folder. Needs two descriptors, however deep it is: subfolders are first moved up beside it.

    What cannot be deleted stays; the first such `OSError` is raised after all the rest is gone.
    """
    failure: OSError | None = None
    todo = [name]
    # Never a name that an earlier attempt, cut short, may have left there.
    kind = BESIDE if name.startswith(BESIDE) else b"trash-"
    while todo:
        doomed = todo.pop()
        try:
            if not stat.S_ISDIR(os.stat(doomed, dir_fd=folder, follow_symlinks=False).st_mode):
                os.unlink(doomed, dir_fd=folder)
                continue
            for child, fd in _emptied(folder, doomed):
                up = kind + token()
                try:
                    os.rename(child, up, src_dir_fd=fd, dst_dir_fd=folder)
                except PermissionError:
                    # Moving a folder to another one needs the right to write to it: its ".." changes.
                    with contextlib.suppress(OSError):
                        os.rmdir(child, dir_fd=fd)
                        continue
                    _open_up(fd, child)
                    os.rename(child, up, src_dir_fd=fd, dst_dir_fd=folder)
                todo.append(up)
            os.rmdir(doomed, dir_fd=folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            failure = failure or error
    if failure is not None:
        raise failure


def _emptied(folder: int, name: bytes) -> Iterator[tuple[bytes, int]]:
    """Unlink the files in a folder and give the names of its subfolders, with its descriptor."""
    try:
        fd = os.open(name, _FOLDER, dir_fd=folder)
    except PermissionError:
        _open_up(folder, name)
        fd = os.open(name, _FOLDER, dir_fd=folder)
    try:
        with os.scandir(fd) as entries:
            names = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
        if names and not kernel.allowed(fd, b"", os.W_OK | os.X_OK):
            os.fchmod(fd, 0o700)
        for child, is_folder in names:
            if is_folder:
                yield child, fd
            else:
                os.unlink(child, dir_fd=fd)
    finally:
        os.close(fd)


def _open_up(folder: int, name: bytes) -> None:
    """Give ourselves all rights on a subfolder."""
    fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.chmod(f"/proc/self/fd/{fd}", 0o700)
    finally:
        os.close(fd)


def sweep(ground: Ground, keep: frozenset[str], older_than: float, now: float, *, removed_only: bool = False) -> int:
    """Remove leftovers older than `older_than` seconds but the parts whose tokens are in `keep`; returns how many there were.
    With `removed_only` only of what was removed for good, which nobody needs, whoever else works on the tree."""
    try:
        staging = open_staging(ground.root(), create=False)
    except FileNotFoundError:
        return 0
    removed = 0
    try:
        names = {os.fsencode(name) for name in os.listdir(staging)}
        for name in names:
            if name.isdigit() or name in (KEEPSAKE, b"trash", b"versions"):
                # The folder of a person (`shared_staging`), or what is there to stay (`trash_bin`, `version_files`).
                continue
            if ground.owner is not None and not is_owned(staging, name, ground.owner):
                continue
            kind, _, unique = name.partition(b"-")
            if removed_only and kind != b"trash":
                continue
            if kind in (b"in", b"old") and b"note-" + unique in names:
                continue
            if kind in (b"lost", b"note") or (kind == b"part" and unique.decode("ascii", "replace") in keep):
                continue
            with contextlib.suppress(OSError, ClawgateError, UnicodeDecodeError):
                if now - os.stat(name, dir_fd=staging, follow_symlinks=False).st_ctime < older_than:
                    continue
                if kind == b"away":
                    _sweep_away(ground, staging, name, BESIDE + unique)
                delete(staging, name)
                removed += 1
    finally:
        os.close(staging)
    return removed


def is_owned(folder: int, name: bytes, owner: int) -> bool:
    """Whether something in the folder was made by `owner`, and not only linked to by somebody else."""
    try:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return state.st_uid == owner and (stat.S_ISDIR(state.st_mode) or state.st_nlink == 1)


def _sweep_away(ground: Ground, staging: int, note: bytes, start: bytes) -> None:
    fd = os.open(note, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=staging)
    try:
        path = Path(os.read(fd, 65536).decode())
    finally:
        os.close(fd)
    try:
        folder = ground.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except NotFound:
        return
    try:
        for raw in os.listdir(folder):
            name = os.fsencode(raw)
            if name.startswith(start):
                delete(folder, name)
    finally:
        os.close(folder)
