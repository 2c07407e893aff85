"""Write locks: the rules of RFC 4918 sections 6, 7, 9.10 and 9.11.

All locks are in memory, so that asking costs nothing where nothing is locked; every change is in the state before it is answered.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection

import attrs
from twisted.internet.defer import Deferred

from ..errors import Forbidden, Locked, LockMismatch, PreconditionFailed
from ..model.lock import Lock
from ..model.path import Path, is_within, name, parent
from ..settings import Dav
from ..state.locks import StoredLocks
from .lock_tree import LockTree

__all__ = ["Lock", "Locks"]


class Locks:
    """The locks of all spaces. `load` must have ended before anything else is asked."""

    def __init__(self, stored: StoredLocks, settings: Dav, now: Callable[[], float]) -> None:
        """`now` tells the seconds since 1970; a lock's life is judged by it."""
        self._stored = stored
        self._longest = settings.lock_timeout
        self._per_user = settings.locks_per_user
        self._now = now
        self._spaces: dict[str, LockTree] = {}
        """Spaces without locks are not in here."""
        self._held: Counter[str] = Counter()
        """Locks of each user."""
        self._versions: Counter[str] = Counter()

    async def load(self) -> None:
        """Take over what the state holds."""
        now = self._now()
        for lock in await self._stored.all():
            if lock.expires > now:
                self._keep(lock)
        await self._stored.expire(now)

    async def sweep(self, now: float) -> int:
        """Throw away locks that have expired at `now`; returns how many the state held."""
        for space in list(self._spaces):
            self._purge(space, now)
        return await self._stored.expire(now)

    def any(self, space: str) -> bool:
        """Whether anything in the space is locked."""
        return space in self._spaces and self._live(space) is not None

    def version(self, space: str) -> int:
        """Grows with each change of the space's locks, their expiry included."""
        self._live(space)
        return self._versions.get(space, 0)

    def covering(self, space: str, path: Path) -> list[Lock]:
        """The locks in whose scope `path` is: those on itself and deep ones above, from the space's root downwards."""
        tree = self._live(space)
        return [] if tree is None else tree.covering(path)

    def check(
        self, actor_id: str, space: str, path: Path, tokens: Collection[str], *, deep: bool = False, member: bool = False
    ) -> None:
        """Raise `Locked` unless the actor may change `path`, having submitted `tokens` (RFC 4918 section 7).

        For every locked resource that is affected the token of one of its locks is needed (an exclusive one is the only one; of
        shared ones any will do), and only the user who created a lock may use its token. Affected is `path`; with `deep`
        everything below it (DELETE, MOVE, a COPY or MOVE that replaces it); with `member` also the folder that holds it, because
        the name appears or vanishes there (7.4: that is what a ``Depth: 0`` lock on a folder protects).
        """
        if space not in self._spaces:
            return
        tree = self._live(space)
        if tree is None:
            return
        _demand(actor_id, tree.covering(path), tokens)
        if member and path:
            _demand(actor_id, tree.covering(parent(path)), tokens)
        if deep:
            for place in (path, *(lock.path for lock in tree.below(path))):
                found = tree.covering(place)
                _demand(actor_id, found, tokens)
                # What lies further below no lock of this place alone protects.
                _demand(actor_id, [lock for lock in found if lock.deep], tokens)

    async def create(
        self,
        actor_id: str,
        space: str,
        path: Path,
        *,
        deep: bool,
        exclusive: bool,
        owner_xml: str,
        timeout: int | None,  # noqa: ASYNC109 (the lock's, not this call's)
    ) -> Lock:
        """Lock `path`, which must exist; `timeout` in seconds is cut to what the settings allow, None asks for the most.

        Raises `Locked` on conflict, that is where one of the two is exclusive: with locks on `path`, deep ones above it, and for
        a deep lock all below it (6.1, 7.4, 9.10.5); `Forbidden` if the user holds too many.
        """
        tree = self._live(space)
        if tree is not None:
            for other in tree.covering(path):
                if exclusive or other.exclusive:
                    raise _locked(other)
            for other in tree.below(path) if deep else ():
                if exclusive or other.exclusive:
                    raise _locked(other)
        if self._held[actor_id] >= self._per_user:
            raise Forbidden(f"{self._per_user} locks are the most that one person may hold")
        granted = self._granted(timeout)
        now = self._now()
        token = f"opaquelocktoken:{uuid.uuid4()}"
        lock = Lock(token, space, path, deep, exclusive, owner_xml, actor_id, granted, now, now + granted)
        # In memory first: no other request can get a conflicting lock while this one is being written.
        self._keep(lock)
        try:
            await self._stored.add(lock)
        except BaseException:
            # Also when the request was cancelled, and then the row may be written all the same.
            self._drop(lock)
            Deferred.fromCoroutine(self._stored.remove([token])).addErrback(lambda _: None)
            raise
        return lock

    async def refresh(
        self,
        actor_id: str,
        token: str,
        space: str,
        path: Path,
        timeout: int | None,  # noqa: ASYNC109 (the lock's, not this call's)
    ) -> Lock:
        """Restart the lock's life (9.10.2); `path` may be anything in its scope.

        Raises `PreconditionFailed` if no such lock covers `path`, `Forbidden` if it is another user's.
        """
        tree = self._live(space)
        lock = tree and tree.get(token)
        if not lock or not _covers(lock, path):
            raise PreconditionFailed("this lock is not there any more")
        if lock.user != actor_id:
            raise Forbidden("only the user who created a lock may refresh it")
        granted = self._granted(timeout)
        lock = attrs.evolve(lock, timeout=granted, expires=self._now() + granted)
        there = await self._stored.extend(token, granted, lock.expires)
        tree = self._spaces.get(space)
        if tree is None or tree.get(token) is None:
            # Released, or expired while the state was being written.
            if there:
                await self._stored.remove([token])
            raise PreconditionFailed("this lock is not there any more")
        self._versions[space] += 1
        tree.put(lock)
        return lock

    async def release(self, actor_id: str, token: str, space: str, path: Path) -> None:
        """Remove the lock (9.11); `path` may be anything in its scope.

        Raises `LockMismatch` if no such lock covers `path`, `Forbidden` if it is another user's.
        """
        tree = self._live(space)
        lock = tree and tree.get(token)
        if not lock or not _covers(lock, path):
            raise LockMismatch("no lock with this token covers this file or folder")
        if lock.user != actor_id:
            raise Forbidden("only the user who created a lock may remove it")
        await self._stored.remove([token])
        self._drop(lock)

    async def forget(self, space: str, path: Path) -> None:
        """Remove all locks on `path` and below: it was deleted or moved away (7.7, 9.6.1, 9.9)."""
        tree = self._spaces.get(space)
        if tree is None:
            return
        gone = list(tree.below(path, itself=True))
        if gone:
            for lock in gone:
                self._drop(lock)
            await self._stored.remove([lock.token for lock in gone])

    async def follow(self, space: str, source: Path, target: Path) -> None:
        """Others have moved `source` on the storage: what is locked there and below is at `target` now."""
        tree = self._spaces.get(space)
        if tree is None:
            return
        moved = [attrs.evolve(lock, path=Path(target + lock.path[len(source) :])) for lock in tree.below(source, itself=True)]
        for lock in moved:
            tree.drop(lock.token)
            tree.put(lock)
        if moved:
            self._versions[space] += 1
            await self._stored.move([(lock.token, lock.path) for lock in moved])

    def _granted(self, timeout: int | None) -> int:
        return self._longest if timeout is None else max(1, min(timeout, self._longest))

    def _live(self, space: str) -> LockTree | None:
        """The space's locks without expired ones; None if there are none."""
        tree = self._spaces.get(space)
        if tree is not None and tree.soonest <= (now := self._now()):
            self._purge(space, now)
            tree = self._spaces.get(space)
        return tree

    def _purge(self, space: str, now: float) -> None:
        tree = self._spaces[space]
        for lock in tree.purge(now):
            self._dropped(lock, tree)

    def _keep(self, lock: Lock) -> None:
        tree = self._spaces.get(lock.space)
        if tree is None:
            tree = self._spaces[lock.space] = LockTree()
        tree.put(lock)
        self._held[lock.user] += 1
        self._versions[lock.space] += 1

    def _drop(self, lock: Lock) -> None:
        tree = self._spaces.get(lock.space)
        if tree is not None and tree.drop(lock.token) is not None:
            self._dropped(lock, tree)

    def _dropped(self, lock: Lock, tree: LockTree) -> None:
        self._versions[lock.space] += 1
        self._held[lock.user] -= 1
        if not self._held[lock.user]:
            del self._held[lock.user]
        if not len(tree):
            self._spaces.pop(lock.space, None)


def _covers(lock: Lock, path: Path) -> bool:
    return is_within(path, lock.path) if lock.deep else path == lock.path


def _demand(actor_id: str, locks: list[Lock], tokens: Collection[str]) -> None:
    """`locks` are all that cover one resource; exclusive and shared ones never do so together."""
    if locks and not any(lock.token in tokens and lock.user == actor_id for lock in locks):
        raise _locked(locks[-1])


def _locked(lock: Lock) -> Locked:
    return Locked(f"{name(lock.path) or 'the whole space'} is locked by {lock.user}", lock.path)
