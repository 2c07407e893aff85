"""The trash of a tree of files: everything comes and goes by one rename, nothing is copied."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable, Sequence
from stat import S_ISDIR

from twisted.internet.defer import Deferred

from ...errors import AlreadyExists, IsAFolder, NotAFolder, NotFound, NotSupported
from ...interfaces import Reader, Trash, Trashed
from ...model.node import Node
from ...model.path import Path, split
from ...workers import Workers
from .failures import guarded
from .ground import READ, Ground, is_shown, node_of
from .names import to_text
from .options import Durability
from .permitting import check_removing
from .publishing import rename_new
from .reading import PosixReader, reader_of
from .scanning import is_hidden
from .staging import Slot
from .trash_bin import Bin, staging_slot

PAGE = 1000
"""Entries that are looked at in one call to a worker."""


class PosixTrash(Trash):
    """The trash of one tree, as one person or the gateway uses it."""

    def __init__(self, ground: Ground, workers: Workers, throw_away: Callable[[Slot], Deferred[None] | None]) -> None:
        """`throw_away` deletes what lies in a slot some time soon, and tells when."""
        self._ground = ground
        self._workers = workers
        self._throw_away = throw_away
        self._going = 0
        """Deletions that go on."""
        self._waiting: list[Deferred[None]] = []

    async def discard(self, path: Path, known: Node | None = None) -> None:
        """See `Trash.discard`. Raises `NotSupported` for what lies on another file system within the tree, and for links."""
        await self._workers.run(self._discard, path, known)

    async def list(self) -> AsyncIterator[Sequence[Trashed]]:
        """See `Trash.list`."""
        names = await self._workers.run(self._names)
        for start in range(0, len(names), PAGE):
            yield await self._workers.run(self._entries, names[start : start + PAGE])

    async def find(self, key: str) -> Trashed:
        """See `Trash.find`."""
        return await self._workers.run(self._find, key)

    async def restore(self, key: str, target: Path, *, replace: bool) -> Node:
        """See `Trash.restore`."""
        return await self._workers.run(self._restore, key, target, replace)

    async def purge(self, key: str) -> None:
        """See `Trash.purge`. Deleting what was in a folder goes on after this returns."""
        going = self._throw_away(await self._workers.run(self._purge, key))
        if going is not None:
            self._going += 1
            going.addBoth(self._gone)

    async def emptied(self) -> None:
        """See `Trash.emptied`."""
        if self._going:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            await waiter

    async def look(self, key: str, path: Path) -> Node:
        """See `Trash.look`."""
        return await self._workers.run(self._look, key, path)

    async def inside(self, key: str, path: Path) -> Sequence[Node]:
        """See `Trash.inside`."""
        return await self._workers.run(self._inside, key, path)

    async def read(self, key: str, path: Path) -> Reader:
        """See `Trash.read`."""
        return await self._workers.run(self._read, key, path)

    def _discard(self, path: Path, known: Node | None) -> None:
        ground = self._ground
        with guarded(path), ground.spot(path, missing=NotFound) as spot:
            state = ground.present(spot)
            if not is_shown(state):
                raise NotSupported(f"{path}: links do not go into the trash")
            if S_ISDIR(state.st_mode):
                check_removing(ground, spot)
            with Bin(ground) as bin:
                try:
                    bin.take(spot, known)
                except PermissionError:
                    # Moving a folder asks for the right to write to it. An empty one is no loss.
                    if not S_ISDIR(state.st_mode) or not _was_empty(spot.fd, spot.name):
                        raise
            if ground.options.durability is Durability.FULL:
                spot.sync()

    def _gone(self, result: object) -> None:
        self._going -= 1
        if not self._going:
            waiting, self._waiting = self._waiting, []
            for waiter in waiting:
                # Whoever was cancelled does not wait any more.
                if not waiter.called:
                    waiter.callback(None)

    def _names(self) -> Sequence[bytes]:
        with guarded(""):
            try:
                with Bin(self._ground, create=False) as bin:
                    return bin.names()
            except FileNotFoundError:
                return ()

    def _entries(self, names: Sequence[bytes]) -> Sequence[Trashed]:
        with guarded(""), Bin(self._ground) as bin:
            return [found[0] for found in map(bin.entry, names) if found is not None]

    def _find(self, key: str) -> Trashed:
        with guarded(""), self._open() as bin:
            return bin.find(key)[1]

    def _open(self) -> Bin:
        """Raises `NotFound` if there is no trash."""
        try:
            return Bin(self._ground, create=False)
        except FileNotFoundError:
            raise NotFound("there is nothing like this in the trash") from None

    def _restore(self, key: str, target: Path, replace: bool) -> Node:
        ground = self._ground
        with guarded(target), self._open() as bin:
            name, _, info = bin.find(key)
            with ground.spot(target) as spot:
                bin.carry_id(name, info)
                with ground.publishing:
                    there = ground.occupant(spot)
                    if there is not None:
                        if not replace:
                            raise AlreadyExists(f"{target}: the name is taken")
                        if S_ISDIR(there.st_mode):
                            check_removing(ground, spot)
                        bin.take(spot, None)
                    rename_new(bin.files, name, spot)
                if ground.options.durability is Durability.FULL:
                    spot.sync()
                bin.forget(name)
                bin.sync()
                state = spot.state()
            if state is None:
                raise NotFound(f"{target}: removed meanwhile")
            return node_of(split(target)[1], state)

    def _purge(self, key: str) -> Slot:
        with guarded(""), self._open() as bin:
            name, _, _ = bin.find(key)
            slot = staging_slot(self._ground)
            try:
                os.rename(name, slot.name, src_dir_fd=bin.files, dst_dir_fd=slot.fd)
                bin.forget(name)
            except BaseException:
                slot.close()
                raise
            return slot

    def _look(self, key: str, path: Path) -> Node:
        with _resolving(path), self._open() as bin:
            if not path:
                return bin.find(key)[1].node
            fd = bin.open(key, path, os.O_PATH)
            try:
                return _node(fd, path)
            finally:
                os.close(fd)

    def _inside(self, key: str, path: Path) -> Sequence[Node]:
        with _resolving(path), self._open() as bin:
            fd = bin.open(key, path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                found = []
                with os.scandir(fd) as entries:
                    for entry in entries:
                        name = to_text(os.fsencode(entry.name))
                        state = entry.stat(follow_symlinks=False)
                        if is_shown(state) and not is_hidden(Path("x"), entry.name):
                            found.append(node_of(name, state))
                return found
            finally:
                os.close(fd)

    def _read(self, key: str, path: Path) -> PosixReader:
        with _resolving(path), self._open() as bin:
            probe = bin.open(key, path, os.O_PATH)
            try:
                if S_ISDIR(os.fstat(probe).st_mode):
                    raise IsAFolder("this is a folder")
                _node(probe, path)
            finally:
                os.close(probe)
            fd = bin.open(key, path, READ)
            name = path or bin.find(key)[1].origin
            return reader_of(self._ground, Path(name), fd, self._workers)


class _resolving(guarded):
    """As `guarded`, for a path within the trash: a link on the way leads nowhere."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            if error.errno == errno.ENOTDIR:
                raise NotAFolder("this is not a folder") from error
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.EXDEV):
                raise NotFound("there is nothing like this in the trash") from error
            super().__exit__(type(error), error, error.__traceback__)


def _node(fd: int, path: Path) -> Node:
    state = os.fstat(fd)
    if not is_shown(state):
        raise NotFound("there is nothing like this in the trash")
    return node_of(split(path)[1], state)


def _was_empty(folder: int, name: bytes) -> bool:
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError:
        return False
    return True
