"""What ``clawgate check`` finds."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warn"
    FAILURE = "FAIL"


class Finding(NamedTuple):
    """One thing that was looked at."""

    level: Level
    text: str
    remedy: str = ""
    """What to do; empty if nothing is to be done."""
