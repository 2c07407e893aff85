"""A reactor whose clock goes on when the test says so: on a busy machine the real one runs away between two lines of a test."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from zope.interface import directlyProvides, providedBy


class HeldClock:
    """The real reactor, but for what time it is; what is to happen later does so by the real one's clock."""

    def __init__(self) -> None:
        self.now = 0.0
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def seconds(self) -> float:
        return self.now
