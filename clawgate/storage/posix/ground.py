"""The directory tree that is served: every path becomes a descriptor here, and none leads out.

Operations on names work on a `Spot`, the descriptor of a folder and a name in it, never on absolute paths.
"""

from __future__ import annotations

import errno
import os
import threading
from stat import S_ISDIR, S_ISLNK, S_ISREG
from time import monotonic
from types import TracebackType

from ...errors import ClawgateError, Forbidden, NotAFolder, NotFound, ParentMissing, StorageUnavailable
from ...model.node import Kind, Node
from ...model.path import Path, parent, split
from . import confined, kernel
from .failures import guarded, translate
from .guise import Guise
from .names import path_to_bytes
from .options import PosixOptions, Symlinks
from .way import open_way

STAGING = b".clawgate"
"""The folder in the root that holds what is not finished; never shown."""
BESIDE = b".clawgate-tmp-"
"""Start of the names of temporary files outside of `STAGING` (on another file system); never shown."""

READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""How a file is opened for reading: another thing may stand there by then, and this does not wait for a fifo's writer."""
ROOT_SECONDS = 1.0
"""How long the root counts as what stands at its path without another look."""

_make = tuple.__new__


class Descriptor:
    """A descriptor that is closed with its last reference, and what it was opened for."""

    __slots__ = ("device", "fd", "inode", "mount", "person", "shared", "staging")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        state = os.fstat(fd)
        self.device = state.st_dev
        self.inode = state.st_ino
        found = kernel.handle(fd, b"")
        self.mount = found.mount if found else None
        """The mount's number where the file system has file handles, else None."""
        self.staging: Descriptor | None = None
        """Of a root: its staging folder, kept open (`staging`)."""
        self.person: int | None = None
        """Of a root: the uid of the person who works below it; None: the gateway does."""
        self.shared = False
        """Of a root: whether others work below it as well."""

    def __del__(self) -> None:
        os.close(self.fd)


class Spot:
    """A place in the tree: an open folder and a name in it. Closed by leaving its context."""

    __slots__ = ("fd", "name", "path", "root")

    def __init__(self, root: Descriptor, path: Path, fd: int, name: bytes) -> None:
        self.root = root
        """The root below which it lies."""
        self.path = path
        """What clients call it."""
        self.fd = fd
        self.name = name

    def __enter__(self) -> Spot:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder."""
        fd, self.fd = self.fd, -1
        if fd >= 0 and fd != self.root.fd:
            os.close(fd)

    def state(self) -> os.stat_result | None:
        """What stands there, links not followed; None: nothing."""
        try:
            return os.stat(self.name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def sync(self) -> None:
        """Bring the folder to the disk."""
        sync_folder(self.fd)


def sync_folder(folder: int) -> None:
    """fsync a folder that may be open with O_PATH only."""
    fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def seen_of(state: os.stat_result) -> str:
    """`Node.seen` of an inode: its number and the time of its last change of any kind."""
    return f"{state.st_ino:x}.{state.st_ctime_ns:x}"


def node_of(name: str, state: os.stat_result) -> Node:
    """The node for a file or folder called `name`."""
    if S_ISDIR(state.st_mode):
        return _make(Node, (name, Kind.FOLDER, 0, state.st_mtime_ns, seen_of(state), "", "", ""))
    return _make(Node, (name, Kind.FILE, state.st_size, state.st_mtime_ns, seen_of(state), "", "", ""))


def is_shown(state: os.stat_result) -> bool:
    """Whether this is a file or folder and nothing else (link, fifo, socket, device)."""
    return S_ISREG(state.st_mode) or S_ISDIR(state.st_mode)


class Ground:
    """One tree. All methods block; all may be called from any thread."""

    def __init__(self, root: str, options: PosixOptions, guise: Guise | None = None) -> None:
        """With `guise` all methods must be called from threads that have the rights of its person."""
        self.options = options
        self.guise = guise
        self.owner: int | None = None
        """Others may put something into the staging folder: only what belongs to this uid is believed and removed there."""
        self.trash_way = options.trash.way(os.geteuid() if guise is None else guise.persona.uid)
        """Where a trash lies that is not in the staging folder; never shown either."""
        self.follow = options.symlinks is Symlinks.FOLLOW
        self.ask_kernel = options.openat2 and kernel.has_openat2()
        self.publishing = threading.Lock()
        """Held from looking at what stands at a place until it is replaced."""
        self.path = root
        """The root's path."""
        self._root: Descriptor | None = None
        self._trusted = 0.0
        self._opening = threading.Lock()

    def root(self, *, anew: bool = False) -> Descriptor:
        """The root; opened anew if another directory stands there now. Raises `StorageUnavailable`.

        A root that is missing is a storage that is not mounted, never an empty space: clients would delete everything. So a look
        at its path is at most `ROOT_SECONDS` old, and with `anew` it is new: whoever would list the root itself, or say that
        something is not there, asks for that.
        """
        held = self._root
        now = monotonic()
        if held is not None and now < self._trusted and not anew:
            return held
        self._trusted = 0.0
        try:
            held = self._look_at_root(held) if self.guise is None else self.guise.door(self._look_at_root, held)
        except OSError as error:
            raise StorageUnavailable("the storage is not there") from error
        self._trusted = now + ROOT_SECONDS
        return held

    def _look_at_root(self, held: Descriptor | None) -> Descriptor:
        """`held` if that stands at the root's path now, else what does."""
        if self.guise is not None:
            return self._keep_root(Descriptor(open_way(self.path)))
        state = os.stat(self.path)
        if held is None or held.inode != state.st_ino or held.device != state.st_dev:
            return self._keep_root(Descriptor(os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)))
        return held

    def _keep_root(self, found: Descriptor) -> Descriptor:
        """What was found at the root's path; one object for all threads that notice."""
        if self.guise is not None:
            found.person, found.shared = self.guise.persona.uid, self.guise.shared
        with self._opening:
            held = self._root
            if held is None or held.inode != found.inode or held.device != found.device:
                held = self._root = found
            return held

    def open(self, path: Path, flags: int) -> int:
        """Open what stands at `path`. Raises `NotFound`, and `NotAFolder` if O_DIRECTORY is asked and a file is there."""
        raw = path_to_bytes(path)
        if self._is_reserved(raw):
            raise NotFound(f"{path}: there is no such file or folder")
        root = self.root(anew=not raw)
        try:
            fd = confined.open_beneath(root.fd, raw, flags, follow=self.follow, ask_kernel=self.ask_kernel)
        except OSError as error:
            if self.root(anew=True) is not root:
                return self.open(path, flags)
            if error.errno == errno.ENOTDIR and flags & os.O_DIRECTORY and self._is_file(path):
                raise NotAFolder(f"{path}: this is not a folder") from error
            raise self._unresolved(error, path, NotFound) from error
        if self.follow and self._leads_to_staging(root.fd, fd):
            os.close(fd)
            raise NotFound(f"{path}: there is no such file or folder")
        return fd

    def hidden_in(self, path: Path) -> str:
        """The name of a trash that lies in the folder at `path`; empty: there is none."""
        folder, _, name = self.trash_way.rpartition(b"/")
        return name.decode() if name and path == folder.decode() else ""

    def _is_reserved(self, raw: bytes) -> bool:
        return _is_ours(raw) or (bool(self.trash_way) and (raw + b"/").startswith(self.trash_way + b"/"))

    def probe(self, path: Path) -> tuple[int, os.stat_result]:
        """An O_PATH descriptor of the file or folder at `path`, which opens no device and no fifo. Raises `NotFound`."""
        fd = self.open(path, os.O_PATH)
        try:
            state = os.fstat(fd)
            if not is_shown(state):
                raise NotFound(f"{path}: there is no such file or folder")
        except BaseException:
            os.close(fd)
            raise
        return fd, state

    def look(self, path: Path) -> Node:
        """The node at `path`. Raises `NotFound`."""
        fd, state = self.probe(path)
        os.close(fd)
        return node_of(split(path)[1], state)

    def open_file(self, path: Path) -> tuple[int, os.stat_result]:
        """Open a regular file for reading. Raises `NotFound`, `IsAFolder`."""
        fd, state = self.probe(path)
        os.close(fd)
        if S_ISDIR(state.st_mode):
            raise translate(OSError(errno.EISDIR, ""), path)
        fd = self.open(path, READ)
        try:
            state = os.fstat(fd)
            if not S_ISREG(state.st_mode):
                raise NotFound(f"{path}: there is no such file")
        except BaseException:
            os.close(fd)
            raise
        return fd, state

    def spot(self, path: Path, *, follow: bool = False, missing: type[ClawgateError] = ParentMissing) -> Spot:
        """The place `path`, whose folder must exist (else `missing`). With `follow`, and where links are followed, the place that
        a link at `path` leads to. Raises `Forbidden` for the root and for reserved names (`NotFound` if that is `missing`).
        """
        raw = path_to_bytes(path)
        folder, _, name = raw.rpartition(b"/")
        if name in (b"", b".", b".."):
            raise Forbidden("the root of a space cannot be replaced, moved or removed")
        if self._is_reserved(raw):
            if missing is NotFound:
                raise NotFound(f"{path}: there is no such file or folder")
            raise Forbidden(f"{path}: this name is reserved")
        # What is uploaded notices by itself when its root is gone.
        root = self.root(anew=not folder and not follow)
        if folder:
            try:
                fd = confined.open_beneath(
                    root.fd, folder, os.O_PATH | os.O_DIRECTORY, follow=self.follow, ask_kernel=self.ask_kernel
                )
            except OSError as error:
                if self.root(anew=True) is not root:
                    return self.spot(path, follow=follow, missing=missing)
                raise self._unresolved(error, parent(path), missing) from error
        else:
            fd = root.fd
        spot = Spot(root, path, fd, name)
        if self.follow:
            try:
                if folder and self._leads_to_staging(root.fd, fd):
                    raise missing(f"{path}: there is no such folder")
                state = spot.state() if follow else None
                if state is not None and S_ISLNK(state.st_mode):
                    return self._target(root, spot, raw)
            except BaseException:
                spot.close()
                raise
        return spot

    def present(self, spot: Spot) -> os.stat_result:
        """What clients know to stand at `spot`, a link itself where links are followed. Raises `NotFound`, `Forbidden`."""
        state = spot.state()
        if state is not None and S_ISLNK(state.st_mode):
            self.look(spot.path)
        elif state is None or not is_shown(state):
            raise NotFound(f"{spot.path}: there is no such file or folder")
        return state

    def occupant(self, spot: Spot) -> os.stat_result | None:
        """What is to be replaced at `spot`; None: the name is free. Raises `Forbidden` for what clients cannot see."""
        state = spot.state()
        if state is None or is_shown(state):
            return state
        if self.follow and S_ISLNK(state.st_mode):
            try:
                self.look(spot.path)
            except NotFound:
                pass
            else:
                return state
        raise Forbidden(f"{spot.path}: the name is taken by something that is not shown")

    def _target(self, root: Descriptor, spot: Spot, raw: bytes) -> Spot:
        """Where the link at `spot` leads."""
        with guarded(spot.path):
            try:
                fd, name = confined.walk(root.fd, raw, follow=True)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.EXDEV, errno.ENOENT, errno.ENOTDIR):
                    raise
                raise Forbidden(f"{spot.path}: the name is taken by something that is not shown") from error
        spot.close()
        found = Spot(root, spot.path, fd, name)
        if name == b"." or name.startswith(STAGING) or self._leads_to_staging(root.fd, fd) or found.state() is None:
            found.close()
            raise Forbidden(f"{spot.path}: the name is taken by something that is not shown")
        return found

    def _leads_to_staging(self, root: int, fd: int) -> bool:
        """Whether links led into the staging folder."""
        staging = os.readlink(b"/proc/self/fd/%d" % root).rstrip(b"/") + b"/" + STAGING
        path = os.readlink(b"/proc/self/fd/%d" % fd)
        return path == staging or path.startswith(staging + b"/")

    def _unresolved(self, error: OSError, path: Path, missing: type[ClawgateError]) -> ClawgateError:
        number = error.errno
        if number == errno.ELOOP and self.options.symlinks is Symlinks.REFUSE:
            return Forbidden(f"{path}: links are not followed here")
        if number in (errno.ELOOP, errno.EXDEV, errno.ENOENT, errno.ENOTDIR):
            return missing(f"{path}: there is no such folder" if missing is ParentMissing else f"{path}: nothing is there")
        return translate(error, path)

    def _is_file(self, path: Path) -> bool:
        try:
            return not self.look(path).is_folder
        except ClawgateError:
            return False


def _is_ours(raw: bytes) -> bool:
    if STAGING not in raw:
        return False
    segments = raw.split(b"/")
    return segments[0] == STAGING or any(segment.startswith(BESIDE) for segment in segments)
