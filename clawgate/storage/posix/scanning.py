"""Reading a whole folder at once: the hot path of every listing that finds something new."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from stat import S_IFDIR, S_IFLNK, S_IFREG

from ...errors import ClawgateError
from ...model.node import Kind, Node
from ...model.path import Path, join, split
from .failures import guarded
from .ground import BESIDE, STAGING, Ground, node_of
from .names import to_text
from .staging import delete

ATTEMPTS = 3
"""So often a folder is read of which others rename something meanwhile."""
AT_ONCE = 100
"""Up to so many names come in one system call: what is renamed meanwhile has its old name or its new one."""
_STALE = 86400
"""Seconds without change after which a temporary file beside its target belongs to nobody."""
_TYPE = 0o170000
_UTF8 = sys.getfilesystemencoding() == "utf-8"
_make = tuple.__new__


def scan(ground: Ground, path: Path, before: Callable[[int], None] | None = None) -> tuple[Node, list[Node], bool]:
    """The folder at `path`, its children in no order, and whether a watch on the folder alone sees every change of what is
    listed: not if a file has further names elsewhere, or is reached through a link.

    `before` is called with the folder's descriptor before anything is read. Raises `NotFound`, `NotAFolder`.

    What is renamed within the folder meanwhile could be missing under both names, which clients would take for removed: so the
    folder is read anew then.
    """
    with guarded(path):
        fd = ground.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if before is not None:
                before(fd)
            for _ in range(ATTEMPTS):
                state = os.fstat(fd)
                nodes, watchable, whole = _read(ground, path, fd)
                if whole and (len(nodes) <= AT_ONCE or os.fstat(fd).st_mtime_ns == state.st_mtime_ns):
                    break
        finally:
            os.close(fd)
    return node_of(split(path)[1], state), nodes, watchable


def _read(ground: Ground, path: Path, fd: int) -> tuple[list[Node], bool, bool]:
    """The children of the folder that is open as `fd`, whether a watch sees all, and whether none vanished meanwhile."""
    nodes: list[Node] = []
    append = nodes.append
    watchable = whole = True
    file, folder = Kind.FILE, Kind.FOLDER
    make = _make
    hidden = ground.hidden_in(path)
    with os.scandir(fd) as entries:
        for entry in entries:
            name = entry.name
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                whole = False
                continue
            if name == hidden or (name[0] == "." and _hide(fd, path, name, facts)):
                continue
            if not name.isascii():
                name = to_text(name.encode("utf-8", "surrogateescape") if _UTF8 else os.fsencode(name))
            kind = facts.st_mode & _TYPE
            seen = f"{facts.st_ino:x}.{facts.st_ctime_ns:x}"
            if kind == S_IFREG:
                append(make(Node, (name, file, facts.st_size, facts.st_mtime_ns, seen, "", "", "")))
                if facts.st_nlink != 1:
                    watchable = False
            elif kind == S_IFDIR:
                append(make(Node, (name, folder, 0, facts.st_mtime_ns, seen, "", "", "")))
            elif kind == S_IFLNK and ground.follow:
                watchable = False
                try:
                    append(ground.look(join(path, name))._replace(name=name))
                except ClawgateError:
                    continue
    return nodes, watchable, whole


_BESIDE = BESIDE.decode()
_STAGING = STAGING.decode()


def is_hidden(path: Path, name: str) -> bool:
    """Whether `name` in the folder at `path` is ours and never shown."""
    return name.startswith(_BESIDE) or (name == _STAGING and not path)


def _hide(fd: int, path: Path, name: str, facts: os.stat_result) -> bool:
    hidden = is_hidden(path, name)
    if hidden and name.startswith(_BESIDE) and time.time() - facts.st_ctime > _STALE:
        with suppress(OSError):
            delete(fd, os.fsencode(name))
    return hidden
