"""How changes in a tree would be found, for ``clawgate check``."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from ....model.finding import Finding, Level
from .. import kernel
from ..watch import LOCAL
from . import fanotify_calls
from .budget import user_limit
from .notifier import Kind

_HANDLE = struct.Struct("=Ii")
"""Start of struct file_handle: length, type."""


def inspect(root: str, kind: Kind, folders: int) -> Iterator[Finding]:
    """Which way would be taken for the tree at `root`, if that is of `kind` and may watch so many `folders`, and what is missing
    for a better one. Blocks; watches nothing."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if kernel.file_system_type(fd) not in LOCAL:
            yield Finding(
                Level.OK,
                "others' changes are found by walking: on such a file system the kernel sees only what this machine does",
                "give the mount a staleness_max in which all of it can be read",
            )
            return
        wrong = _fanotify(fd) if kind != "inotify" else ""
    finally:
        os.close(fd)
    if kind != "inotify" and not wrong:
        yield Finding(Level.OK, "others' changes are told by the kernel, for the whole file system (fanotify)")
        return
    if kind == "fanotify":
        yield Finding(Level.WARNING, f"fanotify cannot be used: {wrong}; others' changes are found by walking", _RIGHTS)
        return
    note = f"; fanotify cannot be used: {wrong}" if wrong else ""
    try:
        os.close(kernel.inotify_init())
        most = min(user_limit() // 2, folders)
    except OSError as error:
        text = f"others' changes are found by walking: the kernel watches no folders: {error.strerror}{note}"
        yield Finding(Level.WARNING, text, "sysctl fs.inotify.max_user_instances=1024")
        return
    text = f"others' changes are told by the kernel, for up to {most} folders (inotify); more are walked{note}"
    if most < folders:
        yield Finding(Level.WARNING, f"{text}; watch_folders = {folders}", f"sysctl fs.inotify.max_user_watches={folders * 2}")
    else:
        yield Finding(Level.OK, text)


_RIGHTS = "AmbientCapabilities=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH in the systemd unit, or watch_by = auto"


def _fanotify(root: int) -> str:
    """What keeps fanotify from being used for the file system of `root`; empty: nothing."""
    try:
        group = fanotify_calls.init()
    except OSError as error:
        return f"{os.strerror(error.errno or 0)} (it needs Linux 5.9 and CAP_SYS_ADMIN)"
    try:
        fanotify_calls.mark(group, root)
        fanotify_calls.unmark(group, root)
    except OSError as error:
        return f"the file system has no handles: {os.strerror(error.errno or 0)}"
    finally:
        os.close(group)
    try:
        found = kernel.handle(root, b"")
        if found is None:
            return "the file system has no handles"
        os.close(fanotify_calls.open_by_handle(root, _HANDLE.pack(len(found.data), found.kind) + found.data))
    except OSError as error:
        return f"{os.strerror(error.errno or 0)} (it needs CAP_DAC_READ_SEARCH)"
    return ""
