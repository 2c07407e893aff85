"""Which former content of a file is worth keeping: the more, the younger it is, as ownCloud 10 has it (files_versions).

Of the last ten seconds one every two seconds, of the last minute one every ten, of the last hour one a minute, of the last day
one an hour, of the last thirty days one a day, of all before that one a week.
"""

from __future__ import annotations

from collections.abc import Sequence

STEPS = ((10.0, 2.0), (60.0, 10.0), (3600.0, 60.0), (86400.0, 3600.0), (2592000.0, 86400.0), (float("inf"), 604800.0))
"""Age up to which a rule holds, and the least distance of two versions then, both in seconds."""


def superfluous(times: Sequence[float], now: float) -> list[float]:
    """Those of `times` (seconds since 1970, at which content was overwritten) that can go. The newest always stays."""
    newest_first = sorted(times, reverse=True)
    if not newest_first:
        return []
    gone: list[float] = []
    last = newest_first[0]
    for time in newest_first[1:]:
        # The distance that counts is that at the age of the one that was kept before.
        if last - time < _distance(now - last):
            gone.append(time)
        else:
            last = time
    return gone


def _distance(age: float) -> float:
    return next(step for most, step in STEPS if age < most or most == float("inf"))
