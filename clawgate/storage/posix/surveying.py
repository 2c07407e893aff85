"""Looking at many folders at once: whether anything in them changed, or all that there is to know of them.

A pass over a million files that nobody touched is nothing but this: so there is one call to a worker for many folders, and
nothing is made of a file but the few words that enter the fingerprint.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from stat import S_IFDIR, S_IFLNK, S_IFREG

from ...errors import ClawgateError
from ...interfaces import Explored, Glance, Survey
from ...model.node import Identity, Node
from ...model.path import Path, join
from ...workers import Workers
from . import kernel
from .ground import Ground
from .identity import identities
from .names import to_text
from .scanning import is_hidden, scan

_TYPE = 0o170000
_UTF8 = sys.getfilesystemencoding() == "utf-8"
_RCTIME = b"ceph.dir.rctime"

Below = Callable[[int], str]
"""What gives `Glance.below` of the folder open as this descriptor."""


def recursive_ctime(fd: int) -> str:
    """CephFS: the latest ctime of all below (ceph.dir.rctime); empty on other file systems."""
    return kernel.get_xattr(b"/proc/self/fd/%d" % fd, _RCTIME, follow=True).decode("ascii", "replace")


class PosixSurvey(Survey):
    """Surveys of one tree."""

    def __init__(self, ground: Ground, workers: Workers, below: Below = recursive_ctime) -> None:
        """`workers` should be others than those that requests wait for."""
        self._ground = ground
        self._workers = workers
        self._below = below

    async def survey(self, folders: Sequence[Path]) -> Sequence[Glance | None]:
        """See `Survey.survey`. One call to a worker. Raises `StorageUnavailable` if the root is missing."""
        return await self._workers.run(self._survey, folders)

    async def explore(self, folders: Sequence[Path], entries: int) -> Sequence[Explored | None]:
        """See `Survey.explore`. One call to a worker. Raises `StorageUnavailable` if the root is missing."""
        return await self._workers.run(self._explore, folders, entries)

    def _survey(self, folders: Sequence[Path]) -> list[Glance | None]:
        self._ground.root(anew=True)
        return [self._glance(path) for path in folders]

    def _glance(self, path: Path) -> Glance | None:
        try:
            fd = self._ground.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except (ClawgateError, OSError):
            return None
        try:
            # Before the content: what changes after that moves it.
            below = self._below(fd)
            marks, folders = self._marks(fd, path)
        except (ClawgateError, OSError):
            return None
        finally:
            os.close(fd)
        return _glance_of(marks, folders, below)

    def _marks(self, fd: int, path: Path) -> tuple[list[str], list[str]]:
        """A mark for each child that `scanning.scan` shows, as `_mark` makes it, and the names of folders."""
        marks: list[str] = []
        folders: list[str] = []
        append = marks.append
        hidden = self._ground.hidden_in(path)
        with os.scandir(fd) as entries:
            for entry in entries:
                name = entry.name
                if name == hidden or (name[0] == "." and is_hidden(path, name)):
                    continue
                try:
                    facts = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if not name.isascii():
                    name = to_text(name.encode("utf-8", "surrogateescape") if _UTF8 else os.fsencode(name))
                kind = facts.st_mode & _TYPE
                if kind == S_IFREG:
                    append(f"{name}/{facts.st_ino:x}.{facts.st_ctime_ns:x}/{facts.st_size:x}")
                elif kind == S_IFDIR:
                    append(f"{name}/{facts.st_ino:x}.{facts.st_ctime_ns:x}/0")
                    folders.append(name)
                elif kind == S_IFLNK and self._ground.follow:
                    try:
                        node = self._ground.look(join(path, name))._replace(name=name)
                    except ClawgateError:
                        continue
                    append(_mark(node))
                    if node.is_folder:
                        folders.append(name)
        return marks, folders

    def _explore(self, folders: Sequence[Path], entries: int) -> list[Explored | None]:
        self._ground.root(anew=True)
        found: list[Explored | None] = []
        left = entries
        for path in folders:
            belows: list[str] = []
            try:
                folder, children, _ = scan(self._ground, path, lambda fd, belows=belows: belows.append(self._below(fd)))  # type: ignore[misc]
                if len(children) > left and found:
                    break
                known = self._identities(path, children) if len(children) <= entries else None
            except ClawgateError:
                found.append(None)
                continue
            names = [node.name for node in children if node.is_folder]
            found.append(Explored(folder, children, known, _glance_of(list(map(_mark, children)), names, belows[0])))
            left -= len(children)
            if left <= 0:
                break
        return found

    def _identities(self, path: Path, children: Sequence[Node]) -> Mapping[str, Identity]:
        return identities(self._ground, path, [node.name for node in children])


def _mark(node: Node) -> str:
    return f"{node.name}/{node.seen}/{node.size:x}"


def _glance_of(marks: list[str], folders: list[str], below: str) -> Glance:
    marks.sort()
    folders.sort()
    # No name has a slash or NUL.
    digest = blake2b("\0".join(marks).encode(), digest_size=8).digest()
    return Glance(int.from_bytes(digest, "big", signed=True), folders, len(marks), below)
