"""What is known of the time where a clock may be wrong."""

from __future__ import annotations

import attrs


@attrs.frozen
class Reckoned:
    """What is known of the time."""

    time: float
    """Seconds since 1970."""
    doubted: float | None = None
    """For how many seconds the clock has not been believed; None: it is."""
