"""When what was told of changes is in the index, so that whoever keeps it for us may forget it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, NamedTuple

_SECONDS = 0.25
"""Between looks at whether it is, while something waits."""


class Tally:
    """What was told of one bucket, by source (``webhook``, ``queue``)."""

    def __init__(self, *sources: str) -> None:
        nothing = dict.fromkeys(sources, 0)
        self.received = Counter(nothing)
        """Events of the bucket."""
        self.entered = Counter(nothing)
        """Those of them that were worked off: what they told of is in the index, or needs not be."""
        self.refused = Counter(nothing)
        """Messages that nobody understands, or whose sender does not know the secret."""


class _Told(NamedTuple):
    at: float
    source: str
    events: int
    done: Callable[[], None] | None


class Entering:
    """Of one mount. Used in the reactor's thread."""

    def __init__(self, clock: Any, oldest: Callable[[], float | None], tally: Tally) -> None:
        """`clock` is the reactor; `oldest` gives the time of the oldest hint that waits (`Refresher.oldest`), of all spaces."""
        self._clock = clock
        self._oldest = oldest
        self._tally = tally
        self._told: deque[_Told] = deque()
        self._timer: Any = None

    def __len__(self) -> int:
        """How much waits."""
        return len(self._told)

    def add(self, source: str, count: int, done: Callable[[], None] | None = None) -> None:
        """`count` events were passed on just now; `done` is called once they are entered."""
        self._tally.received[source] += count
        now = self._clock.seconds()
        last = self._told[-1] if self._told else None
        if done is None and last is not None and last.done is None and last.source == source:
            # Later than it need be, but it takes no room.
            self._told[-1] = last._replace(at=now, events=last.events + count)
        else:
            self._told.append(_Told(now, source, count, done))
        if self._timer is None:
            self._timer = self._clock.callLater(_SECONDS, self._look)

    def stop(self) -> None:
        """End: of what waits nobody hears any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._told.clear()

    def _look(self) -> None:
        oldest = self._oldest()
        while self._told and (oldest is None or self._told[0].at < oldest):
            one = self._told.popleft()
            self._tally.entered[one.source] += one.events
            if one.done is not None:
                one.done()
        self._timer = self._clock.callLater(_SECONDS, self._look) if self._told else None
