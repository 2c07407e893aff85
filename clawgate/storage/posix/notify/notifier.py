"""`Notifier`: the kernel tells of changes in the trees of one mount."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from ....log import make_logger
from ....model.path import Path
from ....workers import Workers
from ..ground import Ground
from .budget import Budget
from .fanotify import Fanotify
from .inotify import Inotify
from .news import News
from .pump import Bounds
from .tree import Tree

log = make_logger()

Kind = Literal["auto", "fanotify", "inotify"]


class Notifier:
    """Watches whole file systems where it may (fanotify), and single folders where it may not (inotify).

    Not seen are writes through a shared memory mapping until the file is closed, and changes of a file through another of its
    names, in another folder: somebody has to look at everything from time to time all the same.
    """

    def __init__(
        self,
        reactor: Any,
        workers: Workers,
        kind: Kind = "auto",
        limit: int = 1000,
        *,
        queue_bytes: int = 4 << 20,
        gather: float = 0.05,
        own: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """At most `limit` folders are watched by inotify. `queue_bytes` of events may wait for `workers`, and each event waits up
        to `gather` seconds for others. `kind` says what is tried. With `own` all changes by this process are told of, else
        only those that look like others', or concern two trees of this notifier."""
        self._reactor = reactor
        self._workers = workers
        self._kind = kind
        self._budget = Budget(limit)
        self._clock = clock
        self._own = own
        self._bounds = Bounds(queue_bytes, gather)
        self._fanotify: Fanotify | None = None
        self._inotify: Inotify | None = None
        self._opening = threading.Lock()
        self._running = False
        self.events = 0
        """Events read so far."""
        self.hints = 0
        """Hints given so far."""
        self.overflows = 0
        """How often events were lost so far."""

    def start(self) -> None:
        """Find out what may be used, and read events as they come."""
        self._running = True
        if self._kind == "inotify":
            return
        try:
            self._fanotify = Fanotify(self._reactor, self._workers, self._deliver, self._bounds, own=self._own)
        except OSError as error:
            tell = log.warn if self._kind == "fanotify" else log.info
            tell("fanotify cannot be used: {error}", error=error)
        else:
            self._fanotify.start()

    def close(self) -> None:
        """Stop watching; nothing is told any more."""
        with self._opening:
            self._running = False
            sources = [source for source in (self._fanotify, self._inotify) if source is not None]
            self._fanotify = self._inotify = None
        for source in sources:
            source.close()

    def of(self, ground: Ground) -> Tree:
        """The ability `Changes` of the storage that works on `ground`."""
        return Tree(ground, self._cover, self._forget)

    def describe(self) -> str:
        """What is watched and how, in a few words."""
        words = []
        if self._fanotify is not None and len(self._fanotify):
            words.append("fanotify")
        if self._inotify is not None and len(self._inotify):
            words.append(f"inotify, {len(self._inotify)} of {self._budget.limit} folders")
        return "; ".join(words) or "nothing"

    def _cover(self, tree: Tree, folders: Sequence[Path]) -> Sequence[Path]:
        news = News()
        rest = list(folders)
        fanotify = self._fanotify
        if fanotify is not None:
            rest = fanotify.cover(tree, rest, news)
        inotify = self._open() if rest and self._kind != "fanotify" else None
        if inotify is not None:
            rest = inotify.cover(tree, rest, news)
        if news.lost or news.uncovered:
            self._reactor.callFromThread(self._deliver, news)
        return rest

    def _open(self) -> Inotify | None:
        """What watches single folders, from the first time on that it is needed."""
        with self._opening:
            if self._inotify is None and self._running:
                try:
                    self._inotify = Inotify(self._reactor, self._workers, self._deliver, self._budget, self._clock, self._bounds)
                except OSError as error:
                    log.warn(
                        "no folders can be watched: {error}; sysctl fs.inotify.max_user_instances may be too low",
                        error=os.strerror(error.errno or 0),
                    )
                    self._running = False
                    return None
                self._reactor.callFromThread(self._inotify.start)
            return self._inotify

    def _forget(self, tree: Tree) -> None:
        for source in (self._fanotify, self._inotify):
            if source is not None:
                source.forget(tree)

    def _deliver(self, news: News) -> None:
        self.events += news.events
        self.overflows += news.overflowed
        for tree in news.lost:
            tree.tell_lost()
        for tree, folders in news.uncovered.items():
            if tree not in news.lost:
                tree.tell_uncovered(folders)
        for tree, hints in news.hints().items():
            if tree not in news.lost:
                self.hints += len(hints)
                tree.tell(hints)
