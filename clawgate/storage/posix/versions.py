"""Former content of files in a tree: listed, read, and made the present one again without copying where that is possible."""

from __future__ import annotations

import os
from collections.abc import Sequence
from stat import S_ISDIR

from ...errors import IsAFolder, NotFound
from ...interfaces import Reader, Version, Versions
from ...model.content import Intent
from ...model.node import Node
from ...model.path import Path, split
from ...workers import Workers
from .attributes import carry, proc_path
from .draft import publish
from .failures import guarded
from .ground import READ, Ground, Spot, node_of
from .identity import identify, keep
from .options import Durability
from .permitting import check_overwriting
from .publishing import check_expected
from .reading import PosixReader, reader_of
from .staging import create, discard
from .transfer import transfer
from .version_files import expire, keeping, names, open_folder, time_of, used


class PosixVersions(Versions):
    """The versions in one tree, as one person or the gateway has made them."""

    def __init__(self, ground: Ground, workers: Workers, scan: Workers) -> None:
        """`scan` is for what takes long and can wait."""
        self._ground = ground
        self._workers = workers
        self._scan = scan

    async def list(self, path: Path) -> Sequence[Version]:
        """See `Versions.list`."""
        return await self._workers.run(self._list, path)

    async def read(self, path: Path, key: str) -> Reader:
        """See `Versions.read`."""
        return await self._workers.run(self._read, path, key)

    async def restore(self, path: Path, key: str) -> Node:
        """See `Versions.restore`. Content of which there are further names, or that belongs to somebody else, is copied, with
        blocks shared where the file system can."""
        return await self._workers.run(self._restore, path, key)

    async def expire(self, before: float) -> int:
        """See `Versions.expire`."""
        return await self._scan.run(expire, self._ground, before)

    async def used(self) -> int:
        """See `Versions.used`: what the file system says, blocks that are shared included."""
        return await self._scan.run(used, self._ground)

    def _list(self, path: Path) -> Sequence[Version]:
        with guarded(path), self._ground.spot(path, missing=NotFound) as spot:
            there, folder = self._open(spot)
            if folder < 0:
                return ()
            try:
                found = []
                for name in names(folder):
                    try:
                        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if not os.path.samestat(state, there):
                        found.append(_version(name, state))
                return found
            finally:
                os.close(folder)

    def _read(self, path: Path, key: str) -> PosixReader:
        with guarded(path), self._ground.spot(path, missing=NotFound) as spot:
            fd, _ = self._version(spot, key)
            return reader_of(self._ground, path, fd, self._workers)

    def _restore(self, path: Path, key: str) -> Node:
        ground = self._ground
        with guarded(path), ground.spot(path, missing=NotFound) as spot:
            fd, state = self._version(spot, key)
            try:
                there = ground.present(spot)
                if state.st_nlink > 1 or (ground.guise is not None and state.st_uid != ground.guise.persona.uid):
                    return self._copied(spot, fd, state)
                check_overwriting(ground, spot, there)
                return self._put_back(spot, there, key, fd, state)
            finally:
                os.close(fd)

    def _put_back(self, spot: Spot, there: os.stat_result, key: str, fd: int, state: os.stat_result) -> Node:
        """By one rename. The file stays what it is but for content and time: also owner, mode and ACL are the present ones."""
        ground = self._ground
        present = identify(spot.root, spot.fd, spot.name)
        own = identify(spot.root, fd, b"").own
        carry(proc_path(spot.fd, spot.name), there, fd, state, acting=ground.guise is not None)
        keep(fd, present._replace(own=own, checksums=""), None)
        folder = open_folder(spot.root, present.id, create=False)
        try:
            with ground.publishing, keeping(ground, spot, there, present.id):
                os.rename(key.encode(), spot.name, src_dir_fd=folder, dst_dir_fd=spot.fd)
            if ground.options.durability is Durability.FULL:
                spot.sync()
        finally:
            os.close(folder)
        return node_of(split(spot.path)[1], os.fstat(fd))

    def _copied(self, spot: Spot, fd: int, state: os.stat_result) -> Node:
        ground, intent = self._ground, Intent(mtime_ns=state.st_mtime_ns)
        check_expected(ground, spot, intent.expected)
        slot, target = create(ground, spot, sure=True)
        try:
            transfer(fd, target)
            return publish(ground, slot, target, spot, intent, "").node
        finally:
            os.close(target)
            discard(slot)

    def _open(self, spot: Spot) -> tuple[os.stat_result, int]:
        """State of the file at `spot` and the folder of its versions; -1: it has none. Raises `NotFound`, `IsAFolder`."""
        there = self._ground.present(spot)
        if S_ISDIR(there.st_mode):
            raise IsAFolder(f"{spot.path}: folders have no versions")
        try:
            return there, open_folder(spot.root, identify(spot.root, spot.fd, spot.name).id, create=False)
        except FileNotFoundError:
            return there, -1

    def _version(self, spot: Spot, key: str) -> tuple[int, os.stat_result]:
        """Open former content. Raises `NotFound`."""
        there, folder = self._open(spot)
        if folder >= 0:
            try:
                name = key.encode("ascii", "replace")
                if time_of(name) is not None:
                    fd = os.open(name, READ | os.O_NOFOLLOW, dir_fd=folder)
                    state = os.fstat(fd)
                    if not os.path.samestat(state, there):
                        return fd, state
                    os.close(fd)
            except FileNotFoundError:
                pass
            finally:
                os.close(folder)
        raise NotFound(f"{spot.path}: there is no such version")


def _version(name: bytes, state: os.stat_result) -> Version:
    etag = f"{state.st_ino:x}-{state.st_size:x}-{state.st_mtime_ns:x}"
    return Version(name.decode(), state.st_size, state.st_mtime_ns, etag)
