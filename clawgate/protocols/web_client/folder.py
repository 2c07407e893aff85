"""The files of a build. Everything here that touches the disk runs in threads."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ...errors import SettingsError, StorageBroken, StorageUnavailable
from ...log import make_logger
from ...workers import Workers
from .config import THEMES, Build, apps_of, chosen
from .names import ENCODINGS

SMALL = 262144
"""Bytes of a file that is read at once; larger ones are read in blocks of this size while they are sent."""
CONFIG = 1048576
"""Bytes of ``web.config``."""
_SCRIPTS = "js"
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO)


class Found(NamedTuple):
    """An opened file."""

    fd: int
    size: int
    mtime_ns: int
    encoding: str
    """The content coding of a compressed copy; empty: the file itself."""
    data: bytes | None
    """All of it; None: it is large."""


class Folder:
    """Nothing outside of `root` is ever opened, whatever a link within it says."""

    def __init__(self, root: str, workers: Workers) -> None:
        self._root = root
        self._workers = workers
        self._log = make_logger()

    async def open(self, parts: Sequence[str], encodings: Sequence[str] = ()) -> Found | None:
        """The file with a name, or a copy of it in one of `encodings`; the caller closes it. None: there is none. Raises
        `StorageUnavailable`, `Overloaded`."""
        try:
            return await self._workers.run(_open, self._root, parts, encodings)
        except OSError as error:
            self._log.error("web.root: {name}: {error}", name="/".join(parts), error=error)
            raise StorageUnavailable("a file of the web client cannot be read; its administrator finds why in the log") from error

    async def close(self, found: Found) -> None:
        """Let go of a file."""
        await self._workers.run_always(os.close, found.fd)

    async def stream(self, found: Found) -> AsyncIterator[bytes]:
        """The content of a large file, at the pace of whoever reads it."""
        at = 0
        while at < found.size:
            data = await self._workers.run(os.pread, found.fd, min(SMALL, found.size - at), at)
            if not data:
                raise StorageBroken("a file of the web client became shorter while it was sent")
            yield data
            at += len(data)

    async def has(self, name: str) -> bool:
        """Whether there is something at the top with this name."""
        return await self._workers.run(os.path.lexists, os.path.join(self._root, name))

    async def build(self, theme: str, apps: Sequence[str]) -> Build:
        """What there is; `theme` and `apps` are what the settings say of it, if they do."""
        return await self._workers.run(_build, self._root, theme, apps)

    async def overrides(self, file: str) -> dict[str, Any]:
        """The object in a JSON file. Raises `StorageUnavailable` if there is none."""
        try:
            return await self._workers.run(read_overrides, file)
        except SettingsError as error:
            self._log.error("{error}", error=error)
            raise StorageUnavailable(
                "the web client is not configured as it should; its administrator finds why in the log"
            ) from None


def read_overrides(file: str) -> dict[str, Any]:
    """What ``web.config`` says. Raises `SettingsError`."""
    try:
        with open(file, "rb") as opened:
            value = json.loads(opened.read(CONFIG))
    except OSError as error:
        raise SettingsError(f"web.config: {file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"web.config: {file} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise SettingsError(f"web.config: {file} holds no JSON object")
    return value


def _open(root: str, parts: Sequence[str], encodings: Sequence[str]) -> Found | None:
    for encoding in (*encodings, ""):
        name = parts[-1] + ENCODINGS.get(encoding, "")
        fd = _descend(root, [*parts[:-1], name])
        if fd is None:
            continue
        try:
            seen = os.fstat(fd)
            if stat.S_ISREG(seen.st_mode):
                data = os.pread(fd, seen.st_size, 0) if seen.st_size <= SMALL else None
                return Found(fd, seen.st_size if data is None else len(data), seen.st_mtime_ns, encoding, data)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
    return None


def _descend(root: str, parts: Sequence[str]) -> int | None:
    """Open what is below `root`; a link within counts if it leads to something below as well."""
    try:
        return _walk(root, parts)
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            return None
    # Where it leads is looked up first and then opened without following anything: in between it may change, but not lead out.
    base, real = os.path.realpath(root), os.path.realpath(os.path.join(root, *parts))
    inside = os.path.relpath(real, base).split(os.sep)
    if inside[0] == os.pardir:
        return None
    try:
        return _walk(base, inside)
    except OSError as error:
        if error.errno not in _ABSENT:
            raise
        return None


def _walk(root: str, parts: Sequence[str]) -> int:
    at = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = below
        # A pipe must not hold the thread up.
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)


def _build(root: str, theme: str, apps: Sequence[str]) -> Build:
    there: set[str] = set()
    if not apps:
        with suppress(OSError):
            there = apps_of(os.listdir(os.path.join(root, _SCRIPTS)))
    if not theme:
        theme = next((one for one in THEMES if os.path.exists(os.path.join(root, one))), "")
    return Build(theme, tuple(apps) or chosen(there))
