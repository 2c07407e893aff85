"""Whether there can be pictures, without loading what makes them: that is never in the gateway's process."""

from __future__ import annotations

from importlib.util import find_spec


def installed() -> bool:
    """The extra ``preview`` is there."""
    return _found("PIL._imaging")


def webp() -> bool:
    """Pillow was built with WebP."""
    return _found("PIL._webp")


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        # There is no such package, or somebody forbids it.
        return False
