"""How many folders may be watched, so that there is room for other programs."""

from __future__ import annotations

import math
import threading
import time

from ....log import make_logger

log = make_logger()

_LIMIT_FILE = "/proc/sys/fs/inotify/max_user_watches"
_SHARE = 0.5
"""How much of the user's watches this process may take, for all mounts together."""
_FRESH = 10.0
"""Seconds for which the kernel's limit is not read again."""


class _Process:
    """What all budgets of this process have taken together."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.taken = 0
        self._most = 0.0
        self._read = -math.inf

    def most(self) -> float:
        """How many it may take."""
        now = time.monotonic()
        if now > self._read + _FRESH:
            self._read = now
            self._most = user_limit() * _SHARE
        return self._most


_process = _Process()


class Budget:
    """Up to `limit` watches, and together with all other budgets of the process a share of what the user may have."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self._told = False

    def take(self) -> bool:
        """Take one; False if there is none left."""
        with _process.lock:
            if self.taken >= self.limit:
                return False
            if _process.taken < _process.most():
                self.taken += 1
                _process.taken += 1
                return True
        self.full()
        return False

    def give(self) -> None:
        """Give one back."""
        with _process.lock:
            self.taken -= 1
            _process.taken -= 1

    def full(self) -> None:
        """Say once that the kernel has no room, and what would help."""
        if not self._told:
            self._told = True
            log.warn(
                "the kernel watches no more folders; the rest is looked at from time to time. To have more watched:"
                " sysctl fs.inotify.max_user_watches={more}",
                more=user_limit() * 2,
            )


def user_limit() -> int:
    """How many folders the kernel watches for one user."""
    try:
        with open(_LIMIT_FILE, encoding="ascii") as stream:
            return int(stream.read())
    except (OSError, ValueError):
        return 0
