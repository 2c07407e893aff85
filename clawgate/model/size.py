"""Amounts of bytes as people write them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgtp])(i?)b?|b)?", re.IGNORECASE)
_POWER = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_size(text: str) -> int:
    """The bytes that `text` says: ``10 GiB``, ``1.5TB``, ``4096``; the units with an i count in 1024, the others in 1000.

    Raises `ValueError`.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as '10 GiB'")
    number, unit, binary = match.groups()
    factor = (1024 if binary else 1000) ** _POWER[unit.lower()] if unit else 1
    whole = int(number) * factor if number.isdigit() else int(float(number) * factor)
    if whole >= 2**63:
        raise ValueError(f"{text!r} is more than any storage holds")
    return whole
