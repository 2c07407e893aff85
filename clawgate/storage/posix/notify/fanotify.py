"""Whole file systems watched at once, by fanotify(7): no watch a folder, and nothing to set up in a new one."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from ....errors import ClawgateError
from ....log import make_logger
from ....model.path import Path
from ....workers import Workers
from .. import kernel
from ..ground import Descriptor
from ..names import path_to_bytes
from ..watch import LOCAL
from . import fanotify_calls
from .fanotify_events import FSID_BYTES, NOBODY, Batch, parse
from .news import News, all_lost, path_of
from .pump import Bounds, Pump
from .roots import Root, Roots, check, path_of_descriptor, resolve, root_of
from .tree import Tree

log = make_logger()

_FRESH = 1.0
"""Seconds for which roots count as what stands at their paths."""


class Fanotify:
    """One fanotify group.

    Changes made by this very process may be left out, because whoever makes one enters it in the index. That is not so where one
    tree lies within another, as the other one's index hears nothing: then they are always told of. Other processes of the same
    gateway are others. Where entering fails after the storage was changed, whoever notices has to look by himself.
    """

    def __init__(self, reactor: Any, workers: Workers, deliver: Callable[[News], None], bounds: Bounds, *, own: bool) -> None:
        """`own`: tell of changes by this process, too. Raises `OSError`: EPERM without the right, EINVAL before Linux 5.9."""
        self._fd = fanotify_calls.init()
        self._lock = threading.Lock()
        self._roots = Roots()
        self._own = own
        self._made = 0.0
        self._refused: set[int] = set()
        """Devices of file systems that it does not work on."""
        self._pump = Pump(reactor, workers, self._fd, self.digest, deliver, self._all_lost, bounds)

    def start(self) -> None:
        """Read events as they come."""
        self._pump.start()

    def close(self) -> None:
        """Stop watching."""
        self._pump.stop()
        with self._lock:
            fd, self._fd = self._fd, -1
            self._roots = Roots()
            if fd >= 0:
                os.close(fd)

    def __len__(self) -> int:
        return len(self._roots.all)

    def cover(self, tree: Tree, folders: Sequence[Path], news: News) -> list[Path]:
        """See `Changes.cover`; `news` says if nothing is covered any more that was."""
        descriptor = tree.root(anew=True)
        known = self._roots.all.get(tree)
        if known is not None and known.descriptor is not descriptor:
            news.lost.add(tree)
            self.forget(tree)
        root = self._watch(tree, descriptor) if descriptor is not None else None
        if root is None:
            return list(folders)
        return [folder for folder in folders if folder and not _sees(root, folder)]

    def forget(self, tree: Tree) -> None:
        """Nobody listens for `tree` any more."""
        with self._lock:
            root = self._roots.all.get(tree)
            if root is None:
                return
            self._roots = Roots(other for other in self._roots.all.values() if other is not root)
            if not self._roots.mounts(root.file_system):
                try:
                    fanotify_calls.unmark(self._fd, root.descriptor.fd)
                except OSError as error:
                    log.debug("a file system that is gone is not watched any more: {error}", error=error)

    def digest(self, blocks: list[bytes]) -> News:
        """What the events in `blocks` come to; blocks."""
        roots = self._roots
        batch = parse(blocks, NOBODY if self._own or roots.shared else os.getpid())
        if batch.lost:
            return self._all_lost(batch.events)
        news = News(batch.events)
        if batch.moved or roots.moved or time.monotonic() - self._made > _FRESH:
            roots = self._look_again(news)
        self._locate(roots, batch, news)
        return news

    def _all_lost(self, events: int = 0) -> News:
        return all_lost(self._roots.all, events)

    def _watch(self, tree: Tree, descriptor: Descriptor) -> Root | None:
        """The root of `tree`, whose file system is watched now; None if it cannot be."""
        known = self._roots.all.get(tree)
        if known is not None:
            return known
        try:
            if descriptor.mount is None or kernel.file_system_type(descriptor.fd) not in LOCAL:
                return None
            root = root_of(tree, descriptor)
            check(root)
            with self._lock:
                if self._fd < 0 or not tree.heard:
                    return None
                fanotify_calls.mark(self._fd, descriptor.fd)
                self._roots = Roots([*(other for other in self._roots.all.values() if other.tree is not tree), root])
            return root
        except OSError as error:
            if descriptor.device not in self._refused:
                self._refused.add(descriptor.device)
                path = path_of_descriptor(descriptor.fd)
                log.info("fanotify cannot watch the file system of {path}: {error}", path=path, error=error)
            return None

    def _look_again(self, news: News) -> Roots:
        """Take roots that are not where they were for lost."""
        self._made = time.monotonic()
        for tree, root in list(self._roots.all.items()):
            if tree.root() is root.descriptor and path_of_descriptor(root.descriptor.fd) == root.path:
                continue
            news.lost.add(tree)
            self.forget(tree)
        return self._roots

    def _locate(self, roots: Roots, batch: Batch, news: News) -> None:
        """Enter in `news` what was touched in the trees."""
        by_file_system: dict[bytes, list[bytes]] = {}
        for key in batch.touched:
            by_file_system.setdefault(key[:FSID_BYTES], []).append(key)
        for file_system, keys in by_file_system.items():
            for mount in roots.mounts(file_system):
                try:
                    fd = mount.open()
                    try:
                        for key in keys:
                            path = resolve(fd, key[FSID_BYTES:])
                            if path is not None:
                                for tree, raw in mount.matches(path):
                                    _enter(news, tree, raw, batch.touched[key])
                    finally:
                        os.close(fd)
                except OSError as error:
                    log.warn("changes cannot be told, everything is looked at: {error}", error=error)
                    news.lost.update(mount.trees)


def _enter(news: News, tree: Tree, raw: bytes, names: dict[bytes, bool]) -> None:
    folder = path_of(raw)
    if folder is not None:
        for name, deep in names.items():
            news.add(tree, folder, b"" if name == b"." else name, deep)


def _sees(root: Root, folder: Path) -> bool:
    """Whether a change in `folder` is one below `root` on its file system: not where another is mounted, or a link leads."""
    try:
        fd = root.tree.ground.open(folder, os.O_PATH | os.O_DIRECTORY)
    except ClawgateError:
        return False
    try:
        if os.fstat(fd).st_dev != root.descriptor.device:
            return False
        found = kernel.handle(fd, b"")
        if found is None or found.mount != root.descriptor.mount:
            return False
        return not root.tree.ground.follow or path_of_descriptor(fd) == root.path.rstrip(b"/") + b"/" + path_to_bytes(folder)
    except OSError:
        return False
    finally:
        os.close(fd)
