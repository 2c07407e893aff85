"""Keeps pictures, up to a number of bytes; those that were not asked for longest are thrown away."""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from hashlib import blake2b

from ..errors import Overloaded
from ..log import make_logger
from ..model.preview import Picture
from ..workers import Workers
from .process import TYPES

log = make_logger()

_DIGEST = 16
_BLOCK = 4096
"""Bytes that the smallest file takes on a disk."""
_ENTRY = 300
"""Bytes that a picture in memory takes besides its own."""
_NEW = ".new"


class MemoryShelf:
    """In memory."""

    def __init__(self, most: int) -> None:
        """At most `most` bytes."""
        self._most = most
        self._kept: OrderedDict[str, Picture] = OrderedDict()
        self.bytes = 0
        """Taken now."""

    async def start(self) -> None:
        """Nothing is to be done."""

    async def get(self, key: str) -> Picture | None:
        """A picture that was kept."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    async def put(self, key: str, picture: Picture) -> None:
        """Keep a picture; `key` is hexadecimal."""
        if key in self._kept or len(picture.data) + _ENTRY > self._most:
            return
        self._kept[key] = picture
        self.bytes += len(picture.data) + _ENTRY
        while self.bytes > self._most:
            self.bytes -= len(self._kept.popitem(last=False)[1].data) + _ENTRY


class DiskShelf:
    """In files of a folder. What is in them need not be safe: a file that was not written to its end counts as none."""

    def __init__(self, folder: str, most: int, workers: Workers) -> None:
        """At most `most` bytes in `folder`, which is made."""
        self._folder = folder
        self._most = most
        self._workers = workers
        self._kept: OrderedDict[str, int] = OrderedDict()
        self._writing: set[str] = set()
        self._said = ""
        self.bytes = 0
        """Taken now, in whole blocks."""

    async def start(self) -> None:
        """See what is there. Without a folder that can be written nothing is kept."""
        try:
            for name, size in await self._workers.run_always(self._look):
                self._kept[name] = size
                self.bytes += size
            await self._shrink()
        except OSError as error:
            self._complain(error)
            self._kept.clear()
            self.bytes = self._most = 0

    async def get(self, key: str) -> Picture | None:
        """A picture that was kept."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        picture = await self._workers.run(self._read, key)
        if picture is None:
            self._forget(key)
        return picture

    async def put(self, key: str, picture: Picture) -> None:
        """Keep a picture; `key` is hexadecimal. What goes wrong is logged: everything works without."""
        size = _blocks(len(picture.data))
        if key in self._kept or key in self._writing or size > self._most:
            return
        self._writing.add(key)
        try:
            await self._workers.run(self._write, key, picture)
            self._kept[key] = size
            self.bytes += size
            await self._shrink()
            self._said = ""
        except (OSError, Overloaded) as error:
            self._complain(error)
        finally:
            self._writing.discard(key)

    def _forget(self, key: str) -> None:
        self.bytes -= self._kept.pop(key, 0)

    async def _shrink(self) -> None:
        gone = []
        while self.bytes > self._most and self._kept:
            name, size = self._kept.popitem(last=False)
            self.bytes -= size
            gone.append(name)
        if gone:
            await self._workers.run_always(self._remove, gone)

    def _complain(self, error: Exception) -> None:
        if str(error) != self._said:
            self._said = str(error)
            log.warn("previews cannot be kept in {folder}: {error}", folder=self._folder, error=self._said)

    # In threads

    def _look(self) -> list[tuple[str, int]]:
        os.makedirs(self._folder, 0o700, exist_ok=True)
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(_NEW):
                    # Somebody was interrupted.
                    os.unlink(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    told = entry.stat(follow_symlinks=False)
                    found.append((told.st_mtime_ns, entry.name, _blocks(told.st_size)))
        return [(name, size) for _, name, size in sorted(found)]

    def _path(self, key: str) -> str:
        return os.path.join(self._folder, key)

    def _read(self, key: str) -> Picture | None:
        try:
            with open(self._path(key), "rb") as file:
                data = file.read()
        except OSError:
            # Somebody cleared up here.
            return None
        kind, _, rest = data[_DIGEST:].partition(b"\n")
        if blake2b(data[_DIGEST:], digest_size=_DIGEST).digest() != data[:_DIGEST] or kind.decode("latin-1") not in TYPES:
            with suppress(OSError):
                self._remove([key])
            return None
        return Picture(kind.decode(), rest)

    def _write(self, key: str, picture: Picture) -> None:
        content = picture.type.encode() + b"\n" + picture.data
        path = self._path(key)
        try:
            with open(path + _NEW, "wb") as file:
                file.write(blake2b(content, digest_size=_DIGEST).digest() + content)
            os.replace(path + _NEW, path)
        except OSError:
            self._remove([key + _NEW])
            raise

    def _remove(self, names: list[str]) -> None:
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(self._path(name))


def _blocks(size: int) -> int:
    return (size + _DIGEST + 16 + _BLOCK - 1) // _BLOCK * _BLOCK
