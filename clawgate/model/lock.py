"""A write lock (RFC 4918 section 6 and 7)."""

from __future__ import annotations

import attrs

from .path import Path


@attrs.frozen
class Lock:
    """One lock. What it covers is `path`, and with `deep` everything below."""

    token: str
    """``opaquelocktoken:UUID`` (RFC 4918 appendix C)."""
    space: str
    """Id of the space."""
    path: Path
    """The lock root."""
    deep: bool
    """``Depth: infinity``; otherwise 0."""
    exclusive: bool
    """Otherwise shared with other shared locks."""
    owner_xml: str
    """What the client says of its owner: the XML text of the whole element, empty if it said nothing."""
    user: str
    """Id of the user who created it; nobody else may use the token."""
    timeout: int
    """Seconds granted at creation or at the last refresh."""
    created: float
    """Seconds since 1970."""
    expires: float
    """Seconds since 1970; from then on it does not count any more."""
