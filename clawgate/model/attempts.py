"""Failed and successful logins as they are kept."""

from __future__ import annotations

import attrs


@attrs.frozen
class Attempts:
    """What is known of one person in one network, or of the network as a whole. Times are seconds since 1970."""

    user: str
    """Stands for the name that was typed; empty: the network as a whole."""
    network: str
    failures: int
    """Failed logins that count."""
    last: float
    """When the last one was; 0: never."""
    good: float
    """When a login last succeeded; 0: never."""
    expires: float
    """When all of this is worth nothing any more."""
