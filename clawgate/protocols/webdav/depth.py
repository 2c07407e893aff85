"""The Depth header (RFC 4918 10.2)."""

from __future__ import annotations

from enum import Enum

from ...errors import InvalidRequest


class Depth(Enum):
    """How far down a request reaches."""

    ZERO = "0"
    ONE = "1"
    INFINITY = "infinity"


_DEPTHS = {"0": Depth.ZERO, "1": Depth.ONE, "1,noroot": Depth.ONE, "infinity": Depth.INFINITY}


def parse(value: str | None, default: Depth) -> Depth:
    """The depth that a header asks for; `default` without one. Raises `InvalidRequest`."""
    if value is None:
        return default
    depth = _DEPTHS.get(value) or _DEPTHS.get(value.strip().lower())
    if depth is None:
        raise InvalidRequest("Depth must be 0, 1 or infinity")
    return depth
