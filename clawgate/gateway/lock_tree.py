"""The locks of one space, found by path."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..model.lock import Lock
from ..model.path import Path


class _Branch:
    """One segment of a path that is locked or leads to a locked one."""

    __slots__ = ("children", "locks")

    def __init__(self) -> None:
        self.children: dict[str, _Branch] = {}
        self.locks: dict[str, Lock] = {}


class LockTree:
    """Locks as a tree of path segments: look-ups cost one step a segment and stop where nothing is locked further down.

    Expired locks stay until `purge`, which is due at `soonest`.
    """

    __slots__ = ("_by_token", "_root", "soonest")

    def __init__(self) -> None:
        self._root = _Branch()
        self._by_token: dict[str, Lock] = {}
        self.soonest = math.inf
        """No lock expires before this moment, in seconds since 1970."""

    def __len__(self) -> int:
        return len(self._by_token)

    def get(self, token: str) -> Lock | None:
        """The lock with this token."""
        return self._by_token.get(token)

    def put(self, lock: Lock) -> None:
        """Add a lock, or replace the one with the same token and path."""
        branch = self._root
        for name in lock.path.split("/") if lock.path else ():
            deeper = branch.children.get(name)
            if deeper is None:
                deeper = branch.children[name] = _Branch()
            branch = deeper
        branch.locks[lock.token] = lock
        self._by_token[lock.token] = lock
        self.soonest = min(self.soonest, lock.expires)

    def drop(self, token: str) -> Lock | None:
        """Take a lock out; None: it was not there."""
        lock = self._by_token.pop(token, None)
        if lock is None:
            return None
        chain = [self._root]
        names = lock.path.split("/") if lock.path else []
        for name in names:
            chain.append(chain[-1].children[name])
        del chain[-1].locks[token]
        while names and not chain[-1].locks and not chain[-1].children:
            chain.pop()
            del chain[-1].children[names.pop()]
        return lock

    def covering(self, path: Path) -> list[Lock]:
        """The locks in whose scope `path` is: those on itself, and deep ones above; from the root downwards."""
        branch = self._root
        found: list[Lock] = []
        for name in path.split("/") if path else ():
            if branch.locks:
                found += [lock for lock in branch.locks.values() if lock.deep]
            deeper = branch.children.get(name)
            if deeper is None:
                return found
            branch = deeper
        found += branch.locks.values()
        return found

    def below(self, path: Path, *, itself: bool = False) -> Iterator[Lock]:
        """The locks whose roots are below `path`; with `itself` also those on it. Do not change the tree meanwhile."""
        branch = self._root
        for name in path.split("/") if path else ():
            deeper = branch.children.get(name)
            if deeper is None:
                return
            branch = deeper
        if itself:
            yield from branch.locks.values()
        open_ones = list(branch.children.values())
        while open_ones:
            branch = open_ones.pop()
            yield from branch.locks.values()
            open_ones += branch.children.values()

    def purge(self, now: float) -> list[Lock]:
        """Take out, and return, all locks that have expired at `now`."""
        gone = [lock for lock in self._by_token.values() if lock.expires <= now]
        for lock in gone:
            self.drop(lock.token)
        self.soonest = min((lock.expires for lock in self._by_token.values()), default=math.inf)
        return gone
