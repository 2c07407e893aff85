"""For how long a folder need not be listed again: until somebody tells of a change, or for a while (`Listing.current`).

What is vouched for is what a bucket shows at a place. Our own writes of files leave it as it is, because the index enters them;
all else that we do, and whatever we are told of, ends it.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator

MOST = 1000
"""Folders that are vouched for at a time."""


class Voucher:
    """For one listing, from the moment before it began. Called, it says whether it still holds."""

    __slots__ = ("_clock", "dropped", "prefix", "told_until", "until")

    def __init__(self, prefix: str, clock: Callable[[], float], until: float, told_until: float) -> None:
        self.prefix = prefix
        self._clock = clock
        self.until = until
        """Clock seconds, whoever tells of changes."""
        self.told_until = told_until
        """The same, as long as changes are told of."""
        self.dropped = False

    def __call__(self) -> bool:
        """Whether nothing is known to have changed."""
        return not self.dropped and self._clock() < max(self.until, self.told_until)


class Vouchers:
    """Those of one bucket. Used in the reactor's thread."""

    def __init__(self, seconds: float, told: float, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        """A listing is good for `seconds`, and for `told` while somebody tells of changes; 0: it is not. At most `most` folders
        are vouched for, those that were listed last."""
        self._seconds = seconds
        self._told = told
        self._clock = clock
        self._most = most
        self._vouchers: OrderedDict[str, Voucher] = OrderedDict()
        self._above: Counter[str] = Counter()
        """How many folders are vouched for below each prefix."""
        self.hears: Callable[[], bool] = lambda: False
        """Whether changes are told of now, soon after they are made."""

    def __len__(self) -> int:
        return len(self._vouchers)

    def issue(self, prefix: str) -> Voucher | None:
        """For the listing of the folder with this prefix that is about to begin; None: nobody can vouch for it."""
        self._drop(prefix)
        now = self._clock()
        told = self._told if self._told and self.hears() else 0.0
        if not max(self._seconds, told):
            return None
        voucher = self._vouchers[prefix] = Voucher(prefix, self._clock, now + self._seconds, now + told)
        self._above.update(_above(prefix))
        if len(self._vouchers) > self._most:
            self._drop(next(iter(self._vouchers)))
        return voucher

    def withdraw(self, voucher: Voucher) -> None:
        """The listing that it was issued for came to nothing. One that was issued for the same folder since then stays."""
        if self._vouchers.get(voucher.prefix) is voucher:
            self._drop(voucher.prefix)

    def touch(self, key: str, *, written: bool = False) -> None:
        """Something happened to what is under `key`: in its folder, in those above, which may have come or gone with it, and in
        all below, should it be a folder. `written`: an object is there now, so a folder above that was there is there still."""
        below = key if key.endswith("/") else f"{key}/"
        if self._above[below]:
            for prefix in [prefix for prefix in self._vouchers if prefix.startswith(below)]:
                self._drop(prefix)
        self._drop(below)
        for prefix in _above(key):
            if self._drop(prefix) and written:
                return

    def silence(self) -> None:
        """Nobody tells of changes any more."""
        for voucher in self._vouchers.values():
            voucher.told_until = 0.0

    def clear(self) -> None:
        """Anything may have changed."""
        for prefix in list(self._vouchers):
            self._drop(prefix)

    def _drop(self, prefix: str) -> bool:
        """Whether the folder was vouched for until now."""
        voucher = self._vouchers.pop(prefix, None)
        if voucher is None:
            return False
        held = voucher()
        voucher.dropped = True
        for above in _above(prefix):
            self._above[above] -= 1
            if not self._above[above]:
                del self._above[above]
        return held


def _above(key: str) -> Iterator[str]:
    """The prefixes of the folders that hold what is under `key`, the nearest first; the last one is empty."""
    end = len(key) - key.endswith("/")
    while end >= 0:
        end = key.rfind("/", 0, end)
        yield key[: end + 1]
