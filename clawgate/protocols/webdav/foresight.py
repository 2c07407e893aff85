"""Which checksums a client is likely to announce when its upload ends. Pure.

In chunking NG and v1 the checksum comes with the last request. Who knows the algorithm before can work it out while the bytes
arrive; who computes all of them for everybody wastes processor time for clients that never send one. Clients are steady: what one
announced last time, it announces again.
"""

from __future__ import annotations

from collections.abc import Iterable

_AGENT = 200
"""Characters of a User-Agent that count."""


class Foresight:
    """What was announced last, by user and User-Agent. The least recently used is forgotten first."""

    def __init__(self, most: int = 1000) -> None:
        """At most `most` clients are remembered."""
        self._most = most
        self._announced: dict[tuple[str, str], tuple[str, ...]] = {}

    def expected(self, user: str, agent: str | None) -> tuple[str, ...]:
        """The algorithms that the last finished upload of this client announced; none for one that is not known."""
        return self._announced.get((user, (agent or "")[:_AGENT]), ())

    def learn(self, user: str, agent: str | None, algorithms: Iterable[str]) -> None:
        """An upload was finished that announced checksums of these `algorithms`."""
        key = (user, (agent or "")[:_AGENT])
        self._announced.pop(key, None)
        self._announced[key] = tuple(algorithms)
        if len(self._announced) > self._most:
            del self._announced[next(iter(self._announced))]
