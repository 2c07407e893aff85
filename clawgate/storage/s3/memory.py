"""What is remembered of a bucket, so that nothing is asked for twice. All of it may be forgotten at any time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from .facts import Facts

T = TypeVar("T")

_LISTINGS = 100
"""Folders whose last listing is remembered until somebody asks for the identities of what it showed."""


class Memory:
    """The facts of objects that were looked at or written, so that a listing shows them without asking for each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._facts: OrderedDict[str, Facts] = OrderedDict()
        self._pins: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._folders: OrderedDict[str, str] = OrderedDict()
        self._written: OrderedDict[str, str] = OrderedDict()

    def get(self, key: str, mark: str) -> Facts | None:
        """Of the version with this mark (`seen`)."""
        facts = self._facts.get(key)
        return facts if facts is not None and facts.seen == mark else None

    def put(self, facts: Facts, *, looked: bool = False) -> Facts:
        """Remember, and return the same. `looked`: somebody has looked at it; else we have written it."""
        _keep(self._facts, facts.key, facts, self._most)
        if not looked:
            _keep(self._written, facts.key, facts.seen, self._most)
        elif self._written.get(facts.key) != facts.seen:
            self._written.pop(facts.key, None)
        return facts

    def is_ours(self, key: str, mark: str) -> bool:
        """Whether it is known that we have written the version with this mark (`seen`), and nobody was there since."""
        if mark and self._written.get(key) == mark:
            return True
        self._written.pop(key, None)
        return False

    def forget(self, key: str) -> None:
        """It is not there any more."""
        self._facts.pop(key, None)
        self._pins.pop(key, None)
        self._folders.pop(key, None)
        self._written.pop(key, None)

    def pin(self, facts: Facts, id: str) -> None:
        """Let this version have another id than its metadata say, until it is written the next time: others wrote it."""
        _keep(self._pins, facts.key, (facts.own, id), self._most)
        self.put(attrs.evolve(facts, id=id), looked=True)

    def pinned(self, facts: Facts) -> Facts:
        """`facts` with the id that was pinned."""
        own, id = self._pins.get(facts.key, ("", ""))
        return attrs.evolve(facts, id=id) if own and own == facts.own else facts

    def folder(self, prefix: str, id: str) -> None:
        """The marker of this folder was written with this id."""
        _keep(self._folders, prefix, id, self._most)

    def folder_id(self, prefix: str) -> str:
        """The id of a folder's marker; empty: not known."""
        return self._folders.get(prefix, "")


@attrs.frozen
class Shown:
    """What a listing told of one object; of a folder nothing."""

    etag: str
    size: int
    modified: int
    """Nanoseconds since 1970."""


class Listings:
    """What listings have just shown, for whoever then asks for identities: each answer is good for one question."""

    def __init__(self, most: int) -> None:
        """`most` bounds the children of all of them."""
        self._most = most
        self._shown: OrderedDict[str, Mapping[str, Shown | None]] = OrderedDict()
        self._count = 0

    def put(self, prefix: str, children: Mapping[str, Shown | None]) -> None:
        """Names in a folder, with what was told of the files."""
        self.take(prefix)
        self._shown[prefix] = children
        self._count += len(children)
        while self._shown and (self._count > self._most or len(self._shown) > _LISTINGS):
            self._count -= len(self._shown.popitem(last=False)[1])

    def take(self, prefix: str) -> Mapping[str, Shown | None]:
        """What the last listing of this folder showed; empty: nobody knows any more."""
        found = self._shown.pop(prefix, {})
        self._count -= len(found)
        return found


class Looks:
    """Whether something is under a key, for the little while from the check of a request to the call that writes."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic, most: int = 10_000) -> None:
        self._seconds = seconds
        self._clock = clock
        self._most = most
        self._seen: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    def there(self, key: str) -> None:
        """It is there now."""
        self._put(key, True)

    def missing(self, key: str) -> None:
        """Nothing is there now."""
        self._put(key, False)

    def forget(self, key: str) -> None:
        """Something was done to the file or folder with this key."""
        below = key + "/"
        for one in [one for one in self._seen if one == key or one.startswith(below)]:
            del self._seen[one]

    def was_there(self, key: str) -> bool:
        """Whether it was there a moment ago."""
        return self._recent(key) is True

    def was_missing(self, key: str) -> bool:
        """Whether it was not there a moment ago."""
        return self._recent(key) is False

    def _put(self, key: str, there: bool) -> None:
        now = self._clock()
        _keep(self._seen, key, (now, there), self._most)
        while now - next(iter(self._seen.values()))[0] >= self._seconds and len(self._seen) > 1:
            self._seen.popitem(last=False)

    def _recent(self, key: str) -> bool | None:
        at, there = self._seen.get(key, (0.0, False))
        return there if at and self._clock() - at < self._seconds else None


def _keep(where: OrderedDict[str, T], key: str, value: T, most: int) -> None:
    where[key] = value
    where.move_to_end(key)
    if len(where) > most:
        where.popitem(last=False)
