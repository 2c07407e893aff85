"""How one setting is declared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs


@attrs.frozen
class Rules:
    """What a setting's value must be besides having the right type; for lists every item is meant."""

    help: str
    choices: Sequence[str] = ()
    low: float | None = None
    """The least value."""
    high: float | None = None
    """The greatest value."""
    size: bool = False
    """Bytes: ``10 GiB`` may be written for the number."""
    secret: bool = False
    """The value may be ``file:/path``, and is never printed."""
    check: Callable[[str], None] | None = None
    """Raises `ValueError` with what is expected."""


def setting(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
    size: bool = False,
    secret: bool = False,
    check: Callable[[str], None] | None = None,
) -> Any:
    """An attribute with the one line that ``conf/clawgate.toml`` says about it, and its `Rules`. Mutable defaults are copied.

    A number without `low` must not be negative.
    """
    factory = attrs.Factory(lambda: type(default)(default)) if isinstance(default, (list, dict)) else default
    if low is None and isinstance(default, (int, float)) and not isinstance(default, bool):
        low = 0
    return attrs.field(default=factory, repr=not secret, metadata={"rules": Rules(help, choices, low, high, size, secret, check)})
