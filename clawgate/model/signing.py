"""Keys by which people sign addresses, so that a browser can download without logging in."""

from __future__ import annotations

import attrs

from .people import User


@attrs.frozen
class SigningKey:
    """Somebody's key."""

    key: str = attrs.field(repr=False)
    """Hexadecimal."""
    former: str = attrs.field(repr=False)
    """The one before; empty: there was none."""
    made: float
    """When the period began in which `key` was made, seconds since 1970."""
    user: User
    """Who that was at the last login that asked for the key."""
    seen: float
    """When that was."""
    foreign: bool
    """No directory knew this person then, only the token of the login."""


@attrs.frozen
class SignedUrl:
    """An address that somebody has signed."""

    user: str
    """The id of the person."""
    text: str
    """What was signed: the whole URL without the signature."""
    signature: str
    """Hexadecimal."""
    expires: float
    """Seconds since 1970."""
