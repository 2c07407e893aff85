"""Single folders watched, by inotify(7): as many as there is room for, the rest is for somebody who looks."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ....errors import ClawgateError
from ....log import make_logger
from ....model.path import Path, ancestors
from ....workers import Workers
from .. import kernel
from ..ground import Descriptor
from ..names import path_to_bytes
from ..watch import LOCAL
from . import inotify_events as events
from .budget import Budget
from .news import News, all_lost, child
from .pump import Bounds, Pump
from .roots import path_of_descriptor
from .tree import Tree
from .watch_tree import Watch, WatchTree

log = make_logger()

IDLE = 60.0
"""Seconds for which a folder keeps its watch that was wanted, or told of something."""

_STRUCTURE = events.CREATE | events.DELETE | events.MOVED_FROM | events.MOVED_TO
_MASK = (
    _STRUCTURE
    | events.MODIFY
    | events.ATTRIB
    | events.CLOSE_WRITE
    | events.DELETE_SELF
    | events.MOVE_SELF
    | events.ONLYDIR
    | events.EXCL_UNLINK
)
ATTEMPTS = 3
"""So often a folder is looked for at its place that is renamed while it is."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.ENOMEM})


class Inotify:
    """One inotify descriptor. It cannot tell this process from others."""

    def __init__(
        self,
        reactor: Any,
        workers: Workers,
        deliver: Callable[[News], None],
        budget: Budget,
        clock: Callable[[], float],
        bounds: Bounds,
    ) -> None:
        """`clock` gives seconds that never go back. Raises `OSError`, EMFILE if the user has too many of these."""
        self._budget = budget
        self._clock = clock
        self._fd = kernel.inotify_init()
        self._lock = threading.Lock()
        self._watches = WatchTree(self._release)
        self._roots: dict[Tree, Descriptor] = {}
        """What stood at the roots when they were watched."""
        self._pump = Pump(reactor, workers, self._fd, self.digest, deliver, self._despair, bounds)

    def start(self) -> None:
        """Read events as they come."""
        self._pump.start()

    def close(self) -> None:
        """Stop watching."""
        self._pump.stop()
        with self._lock:
            if self._fd >= 0:
                self._watches.clear()
                os.close(self._fd)
                self._fd = -1

    def __len__(self) -> int:
        return len(self._watches)

    def cover(self, tree: Tree, folders: Sequence[Path], news: News) -> list[Path]:
        """See `Changes.cover`; what happens to others meanwhile is entered in `news`."""
        root = tree.root(anew=True)
        with self._lock:
            if self._roots.get(tree) is not root and self._watches.root(tree) is not None:
                self._drop(tree)
                news.lost.add(tree)
            if root is None or not tree.heard:
                return list(folders)
            self._roots[tree] = root
        rest = [folder for folder in folders if not self._watch(tree, root, folder, news)]
        return rest + news.uncovered.pop(tree, [])

    def forget(self, tree: Tree) -> None:
        """Nobody listens for `tree` any more."""
        with self._lock:
            self._drop(tree)

    def digest(self, blocks: list[bytes]) -> News:
        """What the events in `blocks` come to; blocks."""
        found, count, lost = events.parse(blocks)
        with self._lock:
            if lost:
                return self._all_lost(count)
            news = News(count)
            now = self._clock()
            for event in found:
                for watch in self._watches.of(event.watch):
                    # An event before may have taken it out.
                    if watch.attached:
                        self._take(news, watch, event, now)
        for tree in news.trees - news.lost:
            if tree.root() is not self._roots.get(tree):
                with self._lock:
                    self._drop(tree)
                news.lost.add(tree)
        return news

    def _take(self, news: News, watch: Watch, event: events.Event, now: float) -> None:
        mask = event.mask
        if mask & (events.IGNORED | events.UNMOUNT):
            self._gone(news, watch)
        elif mask & (events.DELETE_SELF | events.MOVE_SELF):
            # Of others the folder above tells.
            if watch.parent is None:
                self._gone(news, watch)
        elif mask & events.ISDIR and event.name:
            if mask & _STRUCTURE:
                below = watch.children.get(event.name)
                if below is not None:
                    self._watches.detach(below)
                news.add(watch.tree, watch.path, event.name, True)
            else:
                news.add(watch.tree, child(watch.path, event.name), b"", False)
            self._watches.touch(watch, now)
        else:
            news.add(watch.tree, watch.path, event.name, False)
            self._watches.touch(watch, now)

    def _gone(self, news: News, watch: Watch) -> None:
        if watch.parent is not None:
            self._watches.detach(watch)
            news.add(watch.tree, watch.parent.path, watch.name, True)
        else:
            self._drop(watch.tree)
            news.lost.add(watch.tree)

    def _drop(self, tree: Tree) -> None:
        self._roots.pop(tree, None)
        root = self._watches.root(tree)
        if root is not None:
            self._watches.detach(root)

    def _despair(self) -> News:
        with self._lock:
            return self._all_lost(0)

    def _all_lost(self, count: int) -> News:
        # Some folder may have moved unheard.
        news = all_lost(self._watches.trees, count)
        self._watches.clear()
        self._roots.clear()
        return news

    def _watch(self, tree: Tree, root: Descriptor, folder: Path, news: News) -> bool:
        """Watch `folder` and all above it; whether that is so now."""
        watch: Watch | None = None
        try:
            for path, name in _steps(folder):
                above = watch
                with self._lock:
                    watch = self._watches.child(tree, above, name)
                    if watch is not None:
                        self._watches.touch(watch, self._clock())
                for _ in range(ATTEMPTS):
                    if watch is None and (above is None or above.attached):
                        watch = self._watch_one(tree, root, above, name, path, news)
                if watch is None:
                    return False
        except ClawgateError:
            return False
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._budget.full()
            return False
        return True

    def _watch_one(self, tree: Tree, root: Descriptor, above: Watch | None, name: bytes, path: Path, news: News) -> Watch | None:
        """Watch one folder, whose folder `above` is watched already."""
        fd = tree.ground.open(path, os.O_PATH | os.O_DIRECTORY)
        try:
            if not _is_local(tree, root, path, fd):
                return None
            watch = self._add(tree, above, name, path, fd, news)
            stands = watch is None
            try:
                # If it was renamed before it was noted as watched, that was told of already.
                stands = stands or _stands(tree, path, fd)
            finally:
                if watch is not None and not stands:
                    with self._lock:
                        if watch.attached:
                            self._watches.detach(watch)
            return watch if stands else None
        finally:
            os.close(fd)

    def _add(self, tree: Tree, above: Watch | None, name: bytes, path: Path, fd: int, news: News) -> Watch | None:
        with self._lock:
            if self._fd < 0 or not tree.heard or (above is not None and not above.attached) or not self._room(above, news):
                return None
            try:
                id = kernel.inotify_add(self._fd, b"/proc/self/fd/%d" % fd, _MASK)
            except OSError:
                self._budget.give()
                raise
            if self._watches.of(id):
                # Only the kernel's watches are counted.
                self._budget.give()
            return self._watches.attach(tree, above, name, path, id, self._clock())

    def _room(self, above: Watch | None, news: News) -> bool:
        """Make room for one more watch, below `above`."""
        while not self._budget.take():
            idlest = self._watches.idlest()
            if idlest is None or idlest is above or self._clock() - idlest.used < IDLE:
                return False
            self._watches.detach(idlest)
            news.uncovered.setdefault(idlest.tree, []).append(idlest.path)
        return True

    def _release(self, id: int) -> None:
        self._budget.give()
        kernel.inotify_remove(self._fd, id)


def _is_local(tree: Tree, root: Descriptor, path: Path, fd: int) -> bool:
    """Whether the kernel sees every change in the folder open as `fd`, and no link leads there that others may turn."""
    if kernel.file_system_type(fd) not in LOCAL:
        return False
    if not path or not tree.ground.follow:
        return True
    return path_of_descriptor(fd) == path_of_descriptor(root.fd).rstrip(b"/") + b"/" + path_to_bytes(path)


def _stands(tree: Tree, path: Path, fd: int) -> bool:
    """Whether the folder that is open as `fd` is the one at `path`."""
    now = tree.ground.open(path, os.O_PATH | os.O_DIRECTORY)
    try:
        return os.path.samestat(os.fstat(now), os.fstat(fd))
    finally:
        os.close(now)


def _steps(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """All folders from the root to `folder`, with the last of their names."""
    for path in [*reversed([*ancestors(folder)]), folder]:
        yield path, path_to_bytes(path).rpartition(b"/")[2]
